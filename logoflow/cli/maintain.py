"""Commands that look after the store: verify, gc."""

from typing import Annotated

import typer

from logoflow import keep
from logoflow.cli.output import JsonOption, StoreOption, bytes_in_words, console, open_workspace, print_rows
from logoflow.store import check


def verify(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Hash every file of the store again and list what is damaged; exit with 1 when something is."""
    space = open_workspace(store)
    damage = [{"path": str(found.path), "problem": found.problem} for found in check.verify(space.store)]
    if damage or as_json:
        print_rows(("path", "problem"), damage, as_json)
    else:
        console.print("Every file is as it was written.")
    if damage:
        if not as_json:
            console.print("`logoflow repair` says what of it can be built again.")
        raise typer.Exit(1)


def gc(
    keep_last: Annotated[
        int, typer.Option(min=1, help="Keep what this many last runs of each pipeline used of each stage.")
    ] = 5,
    delete: Annotated[bool, typer.Option("--delete", help="Remove; without this, only say what would go.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what no recent, accepted or unfinished run needs, nor a pin, and remove it when told to.

    While a run goes on, only drafts and work of dead processes go: it may rest on anything else.
    """
    space = open_workspace(store)
    working = keep.working(space.ledger)
    needed, spans = keep.needed(space.store, space.ledger, keep_last)
    folders = check.orphans(space.store, needed) if working else check.unneeded(space.store, needed, spans)
    sizes = {str(path.relative_to(space.store.root)): space.store.size(path) for path in folders}
    if as_json:
        print_rows((), [{"path": path, "bytes": size} for path, size in sizes.items()], True)
    else:
        rows = [{"path": path, "size": bytes_in_words(size)} for path, size in sizes.items()]
        print_rows(("path", "size"), rows, False)
        total = bytes_in_words(sum(sizes.values()))
        console.print(f"{len(rows)} folders, {total}{' removed' if delete else '; remove them with --delete'}.")
        if working:
            console.print(f"The run {working[0]} goes on: artifacts are looked at when it has ended.")
    if delete:
        for path in folders:
            space.store.remove(path)
