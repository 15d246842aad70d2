"""ingest: every source into one table of distinct pictures, a shard at a time.

A shard holds entries that were new when it was made; a later run lists it as it is, so that only new entries are
decoded.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from data.blocks import cut_blocks
from data.images import Limits
from data.index import (
    EntryRecord,
    merge,
    read_entries,
    read_outcomes,
    write_entries,
    write_index,
    write_outcomes,
    write_quarantine,
)
from data.intake import identify, labels_of, take_in
from data.sources import Entry, Source, SourceError, hash_file
from data.sources.source import FilePath
from data.squares import SquareKind, SquaresWriter
from data.table import SHARD, Picture, ShardWriter
from logoflow.canonical import digest_of
from logoflow.changes import ENTRIES
from logoflow.config.sections import IngestConfig, SourceConfig
from logoflow.errors import UserError
from logoflow.fingerprint import stage_parts
from logoflow.resolve import whole_artifacts
from logoflow.sources import open_reader
from logoflow.store.manifest import Parts
from logoflow.store.store import Artifact
from tasks.images import square_kind
from tasks.ingest_page import ingest_page
from tasks.stage import Build, stage
from tasks.units import Unit, UnitKind, map_units

OUTCOMES = "outcomes.parquet"
IGNORED = "ignored.json"
"""What each source left out, by suffix, and how often."""


@dataclass(frozen=True)
class Block:
    """New entries of one source that become one shard."""

    source: SourceConfig
    sha256: dict[str, str]
    entries: tuple[Entry, ...]
    limits: Limits
    squares: SquareKind


def write_block(block: Block, folder: Path) -> None:
    """Read and decode a block: the unit of work of ingest. Beside its shard it leaves what curate will take of it."""
    # A container is hashed again only where it lies elsewhere: a copy of a remote one on another machine.
    source = open_reader(block.source, lambda path: block.sha256.get(os.fspath(path)) or hash_file(path))
    outcomes, written = [], set()
    with ShardWriter(folder / SHARD) as shard, SquaresWriter(folder / block.squares.file) as squares:
        for taken in take_in(source.name, source.licence, source.read(block.entries), block.limits):
            outcomes.append(taken.outcome)
            if taken.row is not None and taken.pixels is not None and taken.row.id not in written:
                written.add(taken.row.id)
                shard.add(taken.row)
                squares.add(taken.row.id, block.squares.fit(taken.pixels))
    write_outcomes(folder / OUTCOMES, outcomes)


BLOCK = UnitKind(
    name="ingest.shard",
    work=write_block,
    data=(SHARD, OUTCOMES),
    libraries=("pillow", "kornia-rs", "resvg-py", "isal", "pyarrow", "h5py"),
)


@stage("ingest")
def ingest(build: Build) -> None:
    """Read every source into one table of distinct pictures."""
    config: IngestConfig = build.config
    earlier = earlier_entries(build)
    records: list[EntryRecord] = []
    ignored: dict[str, Counter[str]] = {}
    try:
        for source in config.sources:
            taken, ignored[source.name] = take_source(build, config, source, earlier)
            records += taken
    except SourceError as error:
        raise UserError(str(error)) from error

    build.units = sorted({record.shard for record in records if record.shard is not None})
    table = merge(records, {source.name: source.licence for source in config.sources})
    if not table:
        raise UserError("no source holds an image that can be read: look at the paths in ingest.sources.")
    write_index(build.folder / "images.parquet", table)
    write_entries(build.folder / ENTRIES, records)
    write_quarantine(build.folder / "quarantine.parquet", records)
    funnel = count(config.sources, records, table)
    (build.folder / "funnel.json").write_text(json.dumps(funnel, indent=1, sort_keys=True))
    (build.folder / IGNORED).write_text(json.dumps(ignored, indent=1, sort_keys=True))  # no part of the table
    shown = {name: funnel[name] for name in ("offered", "quarantined", "animated", "distinct")}
    left_out = sum(counts.total() for counts in ignored.values())
    build.metrics = {**shown, "ignored": left_out, **build.metrics}
    build.page(ingest_page(build, funnel, table, records, ignored))


def earlier_entries(build: Build) -> list[EntryRecord]:
    """What the newest table of pictures decoded alike says of its entries, whatever sources it was made from."""
    alike = decoding(stage_parts(build.stage, build.config, {}, build.space.memo))
    for artifact in whole_artifacts("ingest", build.space.store):
        if decoding(artifact.manifest.parts) == alike:
            return read_entries(artifact.file(ENTRIES))
    return []


def decoding(parts: Parts) -> dict[str, Any]:
    """Of what shapes a table that which shapes each of its pictures, too."""
    config = {name: value for name, value in parts.config.items() if name not in ("sources", "max_bad_share")}
    return {"code": parts.code, "config": config, "libraries": parts.libraries}


def take_source(
    build: Build, config: IngestConfig, source: SourceConfig, earlier: Sequence[EntryRecord]
) -> tuple[list[EntryRecord], Counter[str]]:
    """What became of every entry of a source: known from an earlier run, or read now in blocks; and what is none."""
    sha256: dict[str, str] = {}

    def remember(path: FilePath) -> str:
        return sha256.setdefault(os.fspath(path), build.space.memo.sha256(path))

    reader = open_reader(source, remember)
    entries = reader.entries()
    known = recognise(reader, entries, earlier)
    new = [entry for entry in entries if entry not in known]
    limits = Limits(config.min_side, config.max_side, config.max_pixels)
    files = {entry.version.partition("@")[0] for entry in new}
    containers = {path: digest for path, digest in sha256.items() if digest not in files}  # a block opens no others
    squares = square_kind(build.run.config.curate)
    blocks = [
        Block(source, containers, block, limits, squares)
        for block in cut_blocks(new, config.shard_images, config.shard_bytes)
    ]
    made = map_units(
        build, BLOCK, {"limits": vars(limits), "licence": source.licence}, [block_unit(block) for block in blocks]
    )
    for block, artifact in zip(blocks, made, strict=True):
        known |= dict(zip(block.entries, records_of(source.name, block, artifact), strict=True))
    result = [known[entry] for entry in entries]
    refuse_bad_source(config, source, result)
    return result, reader.ignored()


def recognise(reader: Source, entries: Sequence[Entry], earlier: Sequence[EntryRecord]) -> dict[Entry, EntryRecord]:
    """The entries whose bytes an earlier run has decoded: by version, else by id, whatever they are called now."""
    by_version = {e.entry.version: e for e in earlier}
    found = {
        entry: replace(same, source=reader.name, entry=entry)
        for entry in entries
        if (same := by_version.get(entry.version)) is not None
    }
    by_id = {e.outcome.id: e for e in earlier if e.outcome.id is not None}
    # A file's version is its id; of a container that was written anew, only reading tells. Hashing costs far less than
    # decoding, but who has not seen the source before would hash it for nothing. Labels are those of now.
    rewritten = any(e.source == reader.name for e in earlier)
    perhaps = [
        e
        for e in entries
        if e not in found and ((rewritten and ":" in e.version) or e.version.partition("@")[0] in by_id)
    ]
    for raw in reader.read(perhaps):
        if (same := by_id.get(identify(raw) or "")) is not None:
            outcome = same.outcome
            if outcome.reason is None:
                outcome = replace(outcome, labels=labels_of(raw), licence=raw.licence)
            found[raw.entry] = EntryRecord(reader.name, raw.entry, outcome, same.shard)
    return found


def block_unit(block: Block) -> Unit:
    """A block as a unit: its identity is what its entries are called and hold."""
    named = digest_of(
        [block.source.name, [[entry.name, entry.position, entry.version, entry.labels] for entry in block.entries]]
    )
    return Unit(inputs={"entries": named}, payload=block, images=len(block.entries))


def records_of(source: str, block: Block, artifact: Artifact) -> Iterator[EntryRecord]:
    """What became of the entries of a block."""
    shard = f"{artifact.stage}/{artifact.manifest.fingerprint}"
    for entry, outcome in zip(block.entries, read_outcomes(artifact.file(OUTCOMES)), strict=True):
        yield EntryRecord(source, entry, outcome, shard if outcome.reason is None else None)


def refuse_bad_source(config: IngestConfig, source: SourceConfig, records: Sequence[EntryRecord]) -> None:
    """Stop when so much of a source is turned away that it is plainly the wrong one."""
    bad = Counter(record.outcome.reason for record in records if record.outcome.reason is not None)
    share = bad.total() / len(records)
    if share > config.max_bad_share:
        reasons = ", ".join(f"{count} {reason}" for reason, count in bad.most_common())
        raise UserError(
            f"{bad.total()} of {len(records)} images of {source.name} cannot be used ({reasons}), more than "
            f"ingest.max_bad_share ({config.max_bad_share:.0%}) allows: check {source.path}, or raise the limit."
        )


def count(sources: Sequence[SourceConfig], records: Sequence[EntryRecord], table: Sequence[Picture]) -> dict[str, Any]:
    """How many images were offered, turned away, the same as another, and new, in all and by source."""
    offered = Counter(record.source for record in records)
    bad = Counter(record.source for record in records if record.outcome.reason is not None)
    new = Counter(row.origins[0].source for row in table)
    return {
        "offered": len(records),
        "quarantined": bad.total(),
        "reasons": dict(Counter(record.outcome.reason for record in records if record.outcome.reason is not None)),
        "animated": sum(record.outcome.animated for record in records),
        "identical": len(records) - bad.total() - len(table),
        "distinct": len(table),
        "sources": {
            source.name: {"offered": offered[source.name], "quarantined": bad[source.name], "new": new[source.name]}
            for source in sources
        },
    }
