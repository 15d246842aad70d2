"""The image table without its images: which pictures are distinct, where they came from, in which shard they lie."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data.sources.source import Entry
from data.table import Origin, Picture, from_arrow, schema, to_arrow

Labels = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one image: it was accepted, or turned away for a reason.

    Attributes:
        id: of its picture; None where its bytes could not be read.
        reason: why it was turned away; None where it was accepted, and only then is there more to say:
        detail: of the reason.
        pixel_sha256: what it shows (see `data.images.pixel_sha256`).
        width: px, upright.
        height: px, upright.
        mode: L, LA, RGB or RGBA.
        animated: whether it has more frames or pages than the one that is kept.
        labels: name and class, as the source gives them for this image.
        licence: as stated for this image; None where that of its source holds, which may change without it.
    """

    id: str | None
    reason: str | None = None
    detail: str = ""
    pixel_sha256: str = ""
    width: int = 0
    height: int = 0
    mode: str = ""
    animated: bool = False
    labels: Labels = ()
    licence: str | None = None


@dataclass(frozen=True, slots=True)
class EntryRecord:
    """What became of one entry of a source, kept so that the next run decodes only what is new.

    Attributes:
        source: name of the source.
        entry: what the source offered.
        outcome: what became of it.
        shard: which shard holds its picture; None where it was turned away.
    """

    source: str
    entry: Entry
    outcome: Outcome
    shard: str | None


_BATCH = 8192  # rows

_LABELS = pa.list_(pa.struct([("name", pa.string()), ("value", pa.int64())]))
_OUTCOME = {
    "id": pa.string(),
    "reason": pa.string(),
    "detail": pa.string(),
    "pixel_sha256": pa.string(),
    "width": pa.int32(),
    "height": pa.int32(),
    "mode": pa.string(),
    "animated": pa.bool_(),
    "labels": _LABELS,
    "licence": pa.string(),
}
_ENTRY = {"name": pa.string(), "position": pa.int64(), "version": pa.string()}
_QUARANTINE = ("source", "name", "position", "id", "reason", "detail")


def merge(records: Iterable[EntryRecord], licences: Mapping[str, str]) -> list[Picture]:
    """One row per distinct picture, sorted by id, without its image.

    Args:
        records: of all sources, those of the source with priority first.
        licences: of each source, for images that state none.

    Returns:
        Of pictures with equal pixels the one that came first, with the origins and labels of all of them.
    """
    first: dict[str, EntryRecord] = {}  # by pixel_sha256
    origins: dict[str, list[Origin]] = {}
    labels: dict[str, dict[str, int]] = {}
    for record in records:
        entry, outcome = record.entry, record.outcome
        if outcome.reason is None:
            key = first.setdefault(outcome.pixel_sha256, record).outcome.pixel_sha256
            origins.setdefault(key, []).append(Origin(record.source, entry.name, entry.position))
            own = labels.setdefault(key, {})
            own |= {name: value for name, value in outcome.labels if name not in own}
    rows = [_row(record, tuple(origins[key]), labels[key], licences) for key, record in first.items()]
    return sorted(rows, key=lambda row: row.id)


def _row(
    record: EntryRecord, origins: tuple[Origin, ...], labels: dict[str, int], licences: Mapping[str, str]
) -> Picture:
    """The row of a picture whose bytes are those of an entry."""
    outcome = record.outcome
    assert outcome.id is not None
    return Picture(
        id=outcome.id,
        pixel_sha256=outcome.pixel_sha256,
        data=b"",
        path=record.entry.name,
        width=outcome.width,
        height=outcome.height,
        mode=outcome.mode,
        origins=origins,
        labels=labels,
        licence=licences[record.source] if outcome.licence is None else outcome.licence,
    )


def write_index(path: Path, rows: Sequence[Picture]) -> None:
    """Write rows without their images; equal rows give equal bytes."""
    columns = [field for field in schema() if field.name != "image"]
    with pq.ParquetWriter(path, pa.schema(columns), compression="zstd") as file:
        for start in range(0, len(rows), _BATCH):
            batch = to_arrow(rows[start : start + _BATCH])
            file.write_table(batch.select([column.name for column in columns]).replace_schema_metadata(None))


def read_index(path: Path) -> list[Picture]:
    """The rows that `write_index` wrote; their `data` and `path` are empty."""
    return [from_arrow(row) for row in pq.read_table(path, use_threads=False).to_pylist()]


def write_outcomes(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write the outcomes of the entries of one shard, in their order; equal outcomes give equal bytes."""
    columns = {name: [getattr(outcome, name) for outcome in outcomes] for name in _OUTCOME}
    pq.write_table(pa.table(columns, pa.schema(_OUTCOME)), path, compression="zstd")


def read_outcomes(path: Path) -> list[Outcome]:
    """Read what `write_outcomes` wrote."""
    return [outcome for batch in _batches(path) for outcome in _outcomes(batch)]


def write_entries(path: Path, records: Sequence[EntryRecord]) -> None:
    """Write what became of every entry."""
    columns: dict[str, list[Any]] = {"source": [record.source for record in records]}
    columns |= {name: [getattr(record.entry, name) for record in records] for name in _ENTRY}
    columns |= {name: [getattr(record.outcome, name) for record in records] for name in _OUTCOME}
    columns["shard"] = [record.shard for record in records]
    kinds = pa.schema({"source": pa.string(), **_ENTRY, **_OUTCOME, "shard": pa.string()})
    pq.write_table(pa.table(columns, kinds), path, compression="zstd")


def read_entries(path: Path) -> list[EntryRecord]:
    """Read what `write_entries` wrote."""
    records = []
    for batch in _batches(path):
        columns = [batch[name].to_pylist() for name in ("source", *_ENTRY, "shard")]
        records += [
            EntryRecord(source, Entry(name, position, version), outcome, shard)
            for source, name, position, version, shard, outcome in zip(*columns, _outcomes(batch), strict=True)
        ]
    return records


def read_versions(path: Path) -> dict[str, list[tuple[str, str]]]:
    """Name and version of every entry, by source: what a plan compares."""
    found: dict[str, list[tuple[str, str]]] = {}
    with pq.ParquetFile(path) as file:  # unlike read_table it loads no pandas
        table = file.read(columns=["source", "name", "version"], use_threads=False)
    for source, name, version in zip(*(column.to_pylist() for column in table.columns), strict=True):
        found.setdefault(source, []).append((name, version))
    return found


def read_places(path: Path) -> dict[str, str]:
    """The shard of each accepted id; where several hold it, that of the source with priority."""
    with pq.ParquetFile(path) as file:
        table = file.read(columns=["id", "shard"], use_threads=False)
    pairs = zip(reversed(table["id"].to_pylist()), reversed(table["shard"].to_pylist()), strict=True)
    return {i: shard for i, shard in pairs if shard is not None}


def write_quarantine(path: Path, records: Iterable[EntryRecord]) -> None:
    """Write the entries that were turned away, in an order that depends on the sources alone."""
    rejected = sorted(
        (r for r in records if r.outcome.reason is not None), key=lambda r: (r.source, r.entry.name, r.entry.position)
    )
    rows = [
        (r.source, r.entry.name, r.entry.position, r.outcome.id, r.outcome.reason, r.outcome.detail) for r in rejected
    ]
    kinds = pa.schema([(name, pa.int64() if name == "position" else pa.string()) for name in _QUARANTINE])
    columns = {name: [row[index] for row in rows] for index, name in enumerate(_QUARANTINE)}
    pq.write_table(pa.table(columns, kinds), path, compression="zstd")


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    """A table in parts, since its rows as Python's objects take ten times the memory."""
    with pq.ParquetFile(path) as file:
        yield from file.iter_batches(_BATCH, use_threads=False)


def _outcomes(table: pa.RecordBatch) -> list[Outcome]:
    """Outcomes from rows that hold their columns."""
    columns = [table[name].to_pylist() for name in _OUTCOME if name != "labels"]
    labels = [tuple((label["name"], label["value"]) for label in row) for row in table["labels"].to_pylist()]
    names = [name for name in _OUTCOME if name != "labels"]
    return [
        Outcome(labels=own, **dict(zip(names, values, strict=True)))
        for own, values in zip(labels, zip(*columns, strict=True), strict=True)
    ]
