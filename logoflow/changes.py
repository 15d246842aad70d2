"""How the images of the sources changed since a table was made: what a plan says beyond that they did."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from logoflow.config.sections import SourceConfig
from logoflow.errors import UserError
from logoflow.sources import SourceFacts, open_reader
from logoflow.store.memo import Memo
from logoflow.store.store import Artifact

if TYPE_CHECKING:
    from data.sources.source import Entry

ENTRIES = "entries.parquet"
"""Where an ingest artifact says what became of each entry."""
MINUS = "\N{MINUS SIGN}"


def image_changes(
    table: Artifact,
    sources: Sequence[SourceConfig],
    facts: Mapping[str, SourceFacts],
    changed: Sequence[str],
    memo: Memo,
) -> dict[str, str]:
    """`+100 −3 images`, or `rewritten`, for each source that changed since an ingest artifact was made.

    Args:
        table: the ingest artifact.
        sources: all of today.
        facts: of each of them.
        changed: names of those that changed, came or went.
        memo: what is known of files.
    """
    from data.index import read_versions  # loads pyarrow, which a plan without changes need not

    before = read_versions(table.file(ENTRIES))
    today = {source.name: source for source in sources}
    told = {}
    for name in changed:
        entries = (facts[name].entries or listed(today[name], memo)) if name in today else ()
        told[name] = difference(before.get(name, []), [(entry.name, entry.version) for entry in entries])
    return told


def listed(source: SourceConfig, memo: Memo) -> Sequence["Entry"]:
    """What a source offers."""
    from data.sources.source import SourceError

    try:
        return open_reader(source, memo.sha256).entries()
    except SourceError as error:
        raise UserError(str(error)) from error


def difference(before: Sequence[tuple[str, str]], now: Sequence[tuple[str, str]]) -> str:
    """How two lists of entries, name and version, differ: a changed file comes and goes.

    Every version changes when a container is written anew: of containers the names are compared.
    """
    kept = [Counter(name if ":" in version else (name, version) for name, version in side) for side in (before, now)]
    parts = [(kept[1] - kept[0]).total(), (kept[0] - kept[1]).total()]
    told = " ".join(f"{sign}{count}" for sign, count in zip(("+", MINUS), parts, strict=True) if count)
    return f"{told} images" if told else "rewritten"
