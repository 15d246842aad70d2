"""Commands that look after the store: verify, gc."""

from typing import Annotated

import typer

from logoflow.cli.output import JsonOption, StoreOption, bytes_in_words, console, open_workspace, print_rows
from logoflow.status import read_runs
from logoflow.store import check
from logoflow.store.ledger import Ledger


def verify(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Hash every file of the store again and list what is damaged; exit with 1 when something is."""
    space = open_workspace(store)
    damage = [{"path": str(found.path), "problem": found.problem} for found in check.verify(space.store)]
    if damage or as_json:
        print_rows(("path", "problem"), damage, as_json)
    else:
        console.print("Every file is as it was written.")
    if damage:
        raise typer.Exit(1)


def gc(
    keep_last: Annotated[
        int, typer.Option(min=1, help="Keep what this many last completed runs of each pipeline need.")
    ] = 5,
    delete: Annotated[bool, typer.Option("--delete", help="Remove; without this, only say what would go.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what no recent run needs, and remove it when told to."""
    space = open_workspace(store)
    folders = check.unneeded(space.store, needed_by_last(space.ledger, keep_last))
    sizes = {str(path.relative_to(space.store.root)): check.size_of(path) for path in folders}
    if as_json:
        print_rows((), [{"path": path, "bytes": size} for path, size in sizes.items()], True)
    else:
        rows = [{"path": path, "size": bytes_in_words(size)} for path, size in sizes.items()]
        print_rows(("path", "size"), rows, False)
        total = bytes_in_words(sum(sizes.values()))
        console.print(f"{len(rows)} folders, {total}{' removed' if delete else '; remove them with --delete'}.")
    if delete:
        for path in folders:
            check.remove(space.store, path)


def needed_by_last(ledger: Ledger, count: int) -> set[tuple[str, str]]:
    """(stage, fingerprint) of all that the last completed runs, and any run still going, built or found."""
    needed, seen = set(), dict[str, int]()
    for run in read_runs(ledger):
        completed = run.state == "completed"
        seen[run.pipeline] = seen.get(run.pipeline, 0) + completed
        if run.state == "running" or (completed and seen[run.pipeline] <= count):
            needed |= {(stage.name, stage.fingerprint) for stage in run.stages.values() if stage.fingerprint}
    return needed
