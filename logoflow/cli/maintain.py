"""Commands that look after the store: verify, gc."""

from collections import Counter
from datetime import UTC, datetime
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
        int, typer.Option(min=1, help="Keep what this many last runs of each pipeline used of each stage.")
    ] = 5,
    delete: Annotated[bool, typer.Option("--delete", help="Remove; without this, only say what would go.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what neither a recent run nor one that is still to be finished needs, and remove it when told to."""
    space = open_workspace(store)
    folders = check.unneeded(space.store, *needed_by_last(space.ledger, keep_last))
    sizes = {str(path.relative_to(space.store.root)): space.store.size(path) for path in folders}
    if as_json:
        print_rows((), [{"path": path, "bytes": size} for path, size in sizes.items()], True)
    else:
        rows = [{"path": path, "size": bytes_in_words(size)} for path, size in sizes.items()]
        print_rows(("path", "size"), rows, False)
        total = bytes_in_words(sum(sizes.values()))
        console.print(f"{len(rows)} folders, {total}{' removed' if delete else '; remove them with --delete'}.")
    if delete:
        for path in folders:
            space.store.remove(path)


def needed_by_last(ledger: Ledger, count: int) -> tuple[set[tuple[str, str]], list[check.Span]]:
    """What gc keeps: for each stage what the last runs of it used, and what is still to be finished.

    Counted by stage, since runs of a single stage would else push out what the whole pipeline rests on.

    Returns:
        (stage, fingerprint) of artifacts, and when stages worked that are running or have failed; the next run goes on
        from what they left.
    """
    needed, spans = set[tuple[str, str]](), list[check.Span]()
    seen = Counter[tuple[str, str]]()
    for run in read_runs(ledger):  # newest first
        for stage in run.stages.values():
            place = (run.pipeline, stage.name)
            if stage.state in ("built", "cached") and seen[place] < count:
                needed.add((stage.name, stage.fingerprint))
                seen[place] += 1
            elif stage.state in ("running", "failed", "crashed") and stage.started and not seen[place]:
                needed.add((stage.name, stage.fingerprint))
                spans.append((stage.started, run.ended or datetime.now(UTC)))
    return needed, spans
