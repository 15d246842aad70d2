"""How the images of the sources changed since a table was made: what a plan says beyond that they did."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from logoflow.config.sections import SourceConfig
from logoflow.store.memo import Memo
from logoflow.store.store import Artifact

ENTRIES = "entries.parquet"
"""Where an ingest artifact says what became of each entry."""
MINUS = "\N{MINUS SIGN}"


def image_changes(
    table: Artifact, sources: Sequence[SourceConfig], changed: Sequence[str], memo: Memo
) -> dict[str, str]:
    """`+100 −3 images`, or `rewritten`, for each source that changed since an ingest artifact was made.

    Args:
        table: the ingest artifact.
        sources: all of today.
        changed: names of those that changed, came or went.
        memo: what is known of files.
    """
    from data.index import read_versions  # loads pyarrow, which a plan without changes need not
    from data.sources.opening import open_source

    before = read_versions(table.file(ENTRIES))
    today = {source.name: source for source in sources}
    told = {}
    for name in changed:
        now: list[tuple[str, str]] = []
        if (source := today.get(name)) is not None:
            reader = open_source(name, source.path, source.kind, source.licence, memo.sha256, source.labels)
            now = [(entry.name, entry.version) for entry in reader.entries()]
        told[name] = difference(before.get(name, []), now)
    return told


def difference(before: Sequence[tuple[str, str]], now: Sequence[tuple[str, str]]) -> str:
    """How two lists of entries, name and version, differ: a changed file comes and goes.

    Every version changes when a container is written anew: of containers the names are compared.
    """
    kept = [Counter(name if ":" in version else (name, version) for name, version in side) for side in (before, now)]
    parts = [(kept[1] - kept[0]).total(), (kept[0] - kept[1]).total()]
    told = " ".join(f"{sign}{count}" for sign, count in zip(("+", MINUS), parts, strict=True) if count)
    return f"{told} images" if told else "rewritten"
