"""`logoflow accept`: the run whose generator is published."""

from typing import Annotated

import typer

from logoflow.cli.output import StoreOption, console, open_workspace
from logoflow.errors import UserError
from logoflow.stages import before
from logoflow.status import read_runs
from logoflow.store.ledger import Event, Kind


def accept(
    run: Annotated[str, typer.Argument(help="Id of a finished run, or its beginning; see `logoflow runs --metrics`.")],
    store: StoreOption = None,
) -> None:
    """Mark the run whose generator publish uses from now on; until the first, it uses the configuration's own."""
    space = open_workspace(store)
    meant = [known for known in read_runs(space.ledger) if known.id.startswith(run)]
    if len(meant) != 1:
        raise UserError(f"{len(meant) or 'no'} runs have an id that begins with {run}: see `logoflow runs`.")
    artifacts = {name: meant[0].stages[name].fingerprint for name in before("report") if name != "generate"}
    missing = [name for name, fingerprint in artifacts.items() if not space.store.find(name, fingerprint)]
    if missing:
        raise UserError(f"run {meant[0].id} has no {missing[0]} in the store: accept one that got as far as evaluate.")
    told = {"artifacts": artifacts}
    space.ledger.append(Event(meant[0].id, meant[0].pipeline, Kind.ACCEPTED, data=told))
    console.print(f"Publish uses the generator of {meant[0].id} from now on.", markup=False)
