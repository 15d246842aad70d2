"""The image table without its images: which pictures are distinct, where they came from, in which shard they lie."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data.table import Picture, from_arrow, schema, to_arrow


@dataclass(frozen=True)
class EntryRecord:
    """What became of one entry of a source, kept so that the next run decodes only what is new.

    Attributes:
        source: name of the source.
        name: what the source calls the entry.
        position: its index within its container.
        version: identity of its bytes (see `data.sources.Entry`).
        id: of its picture; None where its bytes could not be read.
        reason: why it was turned away; None where it was accepted.
        detail: of the reason.
        shard: which shard holds its picture; None where it was turned away.
    """

    source: str
    name: str
    position: int
    version: str
    id: str | None
    reason: str | None
    detail: str
    shard: str | None


_ENTRIES = pa.schema(
    [(name, pa.int64() if name == "position" else pa.string()) for name in EntryRecord.__dataclass_fields__]
)


def merge(entries: Sequence[EntryRecord], rows: Mapping[tuple[str, str], Picture]) -> list[Picture]:
    """One row per distinct picture, sorted by id.

    Args:
        entries: of all sources, those of the source with priority first.
        rows: by shard and id: equal bytes of two sources lie in two shards, with the licence and labels of each.

    Returns:
        Of pictures with equal pixels the row that came first, with the origins and labels of all of them.
    """
    kept: dict[str, Picture] = {}  # by pixel_sha256
    for entry in entries:
        if entry.reason is not None:
            continue
        assert entry.id is not None
        assert entry.shard is not None
        row = rows[entry.shard, entry.id]
        origin = replace(row.origins[0], source=entry.source, name=entry.name, position=entry.position)
        first = kept.get(row.pixel_sha256)
        if first is None:
            kept[row.pixel_sha256] = replace(row, data=b"", origins=(origin,))
        else:
            labels = {**row.labels, **first.labels}
            kept[row.pixel_sha256] = replace(first, origins=(*first.origins, origin), labels=labels)
    return sorted(kept.values(), key=lambda row: row.id)


def write_index(path: Path, rows: Iterable[Picture]) -> None:
    """Write rows without their images; equal rows give equal bytes."""
    columns = pa.schema([field for field in schema() if field.name != "image"])
    table = pa.Table.from_pylist([to_arrow(row) for row in rows], schema=columns)
    pq.write_table(table, path, compression="zstd")


def read_index(path: Path) -> list[Picture]:
    """The rows that `write_index` wrote; their `data` and `path` are empty."""
    return [from_arrow(row) for row in pq.read_table(path, use_threads=False).to_pylist()]


def write_entries(path: Path, entries: Sequence[EntryRecord]) -> None:
    """Write what became of every entry."""
    pq.write_table(pa.Table.from_pylist([vars(entry) for entry in entries], schema=_ENTRIES), path, compression="zstd")


def read_entries(path: Path) -> list[EntryRecord]:
    """Read what `write_entries` wrote."""
    return [EntryRecord(**row) for row in pq.read_table(path, use_threads=False).to_pylist()]
