"""`logoflow accept`: the run whose generator is published."""

from typing import Annotated

import typer

from logoflow.cli.output import StoreOption, console, open_workspace
from logoflow.errors import UserError
from logoflow.stages import before
from logoflow.status import find_run
from logoflow.store.ledger import Event, Kind


def accept(
    run: Annotated[str, typer.Argument(help="Id of a finished run, or its beginning; see `logoflow runs --metrics`.")],
    store: StoreOption = None,
) -> None:
    """Mark the run whose generator publish uses from now on; until the first, it uses the configuration's own."""
    space = open_workspace(store)
    meant = find_run(space.ledger, run)
    artifacts = {name: meant.stages[name].fingerprint for name in before("report") if name != "generate"}
    missing = [name for name, fingerprint in artifacts.items() if not space.store.find(name, fingerprint)]
    if missing:
        raise UserError(f"run {meant.id} has no {missing[0]} in the store: accept one that got as far as evaluate.")
    told = {"artifacts": artifacts}
    space.ledger.append(Event(meant.id, meant.pipeline, Kind.ACCEPTED, data=told))
    console.print(f"Publish uses the generator of {meant.id} from now on.", markup=False)
