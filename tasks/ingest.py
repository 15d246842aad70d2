"""ingest: every source into one table of distinct pictures, a shard at a time.

A shard holds entries that were new when it was made; a later run lists it as it is, so that only new entries are
decoded.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from data.images import Limits
from data.index import EntryRecord, merge, read_entries, write_entries, write_index
from data.intake import identify, take_in
from data.sources import Entry, Source, SourceError, open_source
from data.table import Picture, read_shard, write_shard
from logoflow.canonical import digest_of
from logoflow.config.sections import IngestConfig, SourceConfig
from logoflow.errors import UserError
from logoflow.report.page import Page, Table
from logoflow.store.store import Artifact
from tasks.images import load_pictures
from tasks.sheets import save_sheet
from tasks.stage import Build, stage
from tasks.units import Unit, UnitKind, map_units

ENTRIES = "entries.parquet"
SHARD = "shard.parquet"
OUTCOMES = "outcomes.json"

Known = dict[tuple[str, str, str], EntryRecord]


@dataclass(frozen=True)
class Block:
    """New entries of one source that become one shard."""

    source: SourceConfig
    sha256: dict[str, str]
    entries: tuple[Entry, ...]
    limits: Limits


def write_block(block: Block, folder: Path) -> None:
    """Read and decode a block: the unit of work of ingest."""
    source = open_source(
        block.source.name,
        block.source.path,
        block.source.kind,
        block.source.licence,
        lambda path: block.sha256[str(path)],
    )
    rows: dict[str, Picture] = {}
    outcomes = []
    for outcome, row in take_in(source.name, source.licence, source.read(block.entries), block.limits):
        outcomes.append(vars(outcome))
        if row is not None:
            rows.setdefault(row.id, row)
    write_shard(folder / SHARD, rows.values())
    (folder / OUTCOMES).write_text(json.dumps(outcomes))


BLOCK = UnitKind(
    name="ingest.shard",
    work=write_block,
    data=(SHARD, OUTCOMES),
    libraries=("pillow", "pyarrow", "h5py"),
)


@stage("ingest")
def ingest(build: Build) -> None:
    """Read every source into one table of distinct pictures."""
    config: IngestConfig = build.config
    earlier = earlier_entries(build)
    try:
        entries = [entry for source in config.sources for entry in take_source(build, config, source, earlier)]
    except SourceError as error:
        raise UserError(str(error)) from error

    build.units = sorted({entry.shard for entry in entries if entry.shard is not None})
    rows = {
        (unit, row.id): row
        for unit in build.units
        for row in read_shard(build.space.store.unit(unit).file(SHARD), images=False)
    }
    table = merge(entries, rows)
    if not table:
        raise UserError("no source holds an image that can be read: look at the paths in ingest.sources.")
    write_index(build.folder / "images.parquet", table)
    write_entries(build.folder / ENTRIES, entries)
    write_entries(build.folder / "quarantine.parquet", sorted_quarantine(entries))
    funnel = count(config.sources, entries, table)
    (build.folder / "funnel.json").write_text(json.dumps(funnel, indent=1, sort_keys=True))
    build.metrics = {
        "offered": len(entries),
        "quarantined": funnel["quarantined"],
        "distinct": len(table),
        **build.metrics,
    }
    build.page(ingest_page(build, funnel, table, entries))


def earlier_entries(build: Build) -> list[EntryRecord]:
    """What the newest table made by the same recipe says of its entries; nothing where there is none."""
    for artifact in reversed(list(build.space.store.artifacts("ingest"))):
        if artifact.manifest.recipe == build.recipe and build.space.store.find("ingest", artifact.manifest.fingerprint):
            return read_entries(artifact.file(ENTRIES))
    return []


def take_source(
    build: Build, config: IngestConfig, source: SourceConfig, earlier: Sequence[EntryRecord]
) -> list[EntryRecord]:
    """What became of every entry of a source: known from an earlier run, or read now in blocks."""
    sha256: dict[str, str] = {}

    def hash_file(path: Path) -> str:
        return sha256.setdefault(str(path), build.space.memo.sha256(path))

    reader = open_source(source.name, source.path, source.kind, source.licence, hash_file)
    entries = reader.entries()
    known = recognise(reader, entries, earlier)
    new = [entry for entry in entries if entry not in known]
    limits = Limits(config.min_side, config.max_side, config.max_pixels)
    blocks = [Block(source, sha256, block, limits) for block in split(new, config.shard_images)]
    made = map_units(
        build, BLOCK, {"limits": vars(limits), "licence": source.licence}, [block_unit(block) for block in blocks]
    )
    for block, artifact in zip(blocks, made, strict=True):
        known |= dict(zip(block.entries, records(source.name, block, artifact), strict=True))
    result = [known[entry] for entry in entries]
    refuse_bad_source(config, source, result)
    return result


def recognise(reader: Source, entries: Sequence[Entry], earlier: Sequence[EntryRecord]) -> dict[Entry, EntryRecord]:
    """The entries whose bytes an earlier run has decoded: by version, and within a changed container by id."""
    by_version = {(e.name, e.version): e for e in earlier if e.source == reader.name}
    found = {
        entry: by_version[entry.name, entry.version] for entry in entries if (entry.name, entry.version) in by_version
    }
    by_id = {e.id: e for e in by_version.values() if e.id is not None}
    unknown = [entry for entry in entries if entry not in found and ":" in entry.version]
    if by_id and unknown:  # a container was written anew: hashing its images costs far less than decoding them
        for raw in reader.read(unknown):
            entry, same = raw.entry, by_id.get(identify(raw)[0] or "")
            if same is not None:
                found[entry] = EntryRecord(
                    reader.name,
                    entry.name,
                    entry.position,
                    entry.version,
                    same.id,
                    same.reason,
                    same.detail,
                    same.shard,
                )
    return found


def split(entries: Sequence[Entry], size: int) -> Iterator[tuple[Entry, ...]]:
    """Blocks of at most `size` entries, in order."""
    rest = iter(entries)
    while block := tuple(islice(rest, size)):
        yield block


def block_unit(block: Block) -> Unit:
    """A block as a unit: its identity is what its entries are called and hold."""
    named = digest_of([block.source.name, [[entry.name, entry.position, entry.version] for entry in block.entries]])
    return Unit(inputs={"entries": named}, payload=block, images=len(block.entries))


def records(source: str, block: Block, artifact: Artifact) -> Iterator[EntryRecord]:
    """What became of the entries of a block."""
    shard = f"{artifact.stage}/{artifact.manifest.fingerprint}"
    for entry, outcome in zip(block.entries, json.loads(artifact.file(OUTCOMES).read_text()), strict=True):
        accepted = outcome["reason"] is None
        yield EntryRecord(
            source, entry.name, entry.position, entry.version, **outcome, shard=shard if accepted else None
        )


def refuse_bad_source(config: IngestConfig, source: SourceConfig, entries: Sequence[EntryRecord]) -> None:
    """Stop when so much of a source is turned away that it is plainly the wrong one."""
    bad = Counter(entry.reason for entry in entries if entry.reason is not None)
    share = bad.total() / len(entries)
    if share > config.max_bad_share:
        reasons = ", ".join(f"{count} {reason}" for reason, count in bad.most_common())
        raise UserError(
            f"{bad.total()} of {len(entries)} images of {source.name} cannot be used ({reasons}), more than "
            f"ingest.max_bad_share ({config.max_bad_share:.0%}) allows: check {source.path}, or raise the limit."
        )


def sorted_quarantine(entries: Sequence[EntryRecord]) -> list[EntryRecord]:
    """The entries that were turned away, in an order that depends on the sources alone."""
    return sorted((e for e in entries if e.reason is not None), key=lambda e: (e.source, e.name, e.position))


def count(sources: Sequence[SourceConfig], entries: Sequence[EntryRecord], table: Sequence[Picture]) -> dict[str, Any]:
    """How many images were offered, turned away, the same as another, and new, in all and by source."""
    bad = Counter(entry.reason for entry in entries if entry.reason is not None)
    new = Counter(row.origins[0].source for row in table)
    by_source = {
        source.name: {
            "offered": sum(entry.source == source.name for entry in entries),
            "quarantined": sum(entry.source == source.name and entry.reason is not None for entry in entries),
            "new": new[source.name],
        }
        for source in sources
    }
    return {
        "offered": len(entries),
        "quarantined": bad.total(),
        "reasons": dict(bad),
        "identical": len(entries) - bad.total() - len(table),
        "distinct": len(table),
        "sources": by_source,
    }


def ingest_page(build: Build, funnel: dict[str, Any], table: Sequence[Picture], entries: Sequence[EntryRecord]) -> Page:
    """What came in, what was turned away and why, and a handful of each source."""
    pictures = []
    shards = {entry.id: entry.shard for entry in reversed(entries) if entry.shard is not None}
    for name in funnel["sources"]:
        shown = [row for row in table if row.origins[0].source == name][:48]
        images = load_pictures(build.space.store, [(row.id, str(shards[row.id])) for row in shown])
        title = f"Some of {name}"
        pictures.append(
            save_sheet(build, f"{name}.png", title, images, caption="Sorted by id, which is as good as at random.")
        )
    sources = Table(
        "Sources, in order of priority",
        ("source", "offered", "quarantined", "new pictures"),
        tuple((name, row["offered"], row["quarantined"], row["new"]) for name, row in funnel["sources"].items()),
    )
    bad = Table(
        "Quarantine",
        ("source", "name", "reason", "detail"),
        tuple((e.source, e.name, str(e.reason), e.detail) for e in sorted_quarantine(entries)[:100]),
        caption="The first hundred; all are in quarantine.parquet.",
    )
    summary = (
        f"{funnel['offered']} images offered, {funnel['quarantined']} in quarantine, {funnel['identical']} the same as "
        f"another pixel for pixel, {funnel['distinct']} distinct pictures."
    )
    return Page(summary, tuple(pictures), tables=(sources, bad) if bad.rows else (sources,))
