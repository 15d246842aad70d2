"""`logoflow allow`: let an artifact through the gates that it breaks."""

from typing import Annotated

import typer

from logoflow.cli.output import StoreOption, console, open_workspace
from logoflow.errors import UserError


def allow(
    artifact: Annotated[str, typer.Argument(help="Stage and fingerprint as the run named them: detect_text@3f9c12ab.")],
    store: StoreOption = None,
) -> None:
    """Let what a stage made through its gates, after looking at it; the next run goes on from there."""
    from logoflow import gates

    space = open_workspace(store)
    stage, _, fingerprint = artifact.partition("@")
    meant = [a for a in space.store.artifacts(stage) if fingerprint and a.manifest.fingerprint.startswith(fingerprint)]
    if len(meant) != 1:
        raise UserError(f"{len(meant) or 'no'} artifacts are called {artifact}: name one as `logoflow show` does.")
    gates.allow(space, meant[0])
    console.print(f"{meant[0].short} passes its gates from now on.", markup=False)
