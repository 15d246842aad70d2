"""The page of ingest: what came in, what was turned away and why, with a picture of each where there is one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from data.images import Pixels, glimpse
from data.index import EntryRecord
from data.sources import SourceError, open_source
from data.sources.names import remedy_for
from data.table import Picture as Row
from logoflow.report.page import Page, Picture, Table
from tasks.images import load_pictures
from tasks.sheets import save_sheet
from tasks.stage import Build

SHOWN = 48
LISTED = 100
TRIED = 8
"""Quarantined images of a reason that are looked at for one that can be shown."""


def ingest_page(
    build: Build,
    funnel: dict[str, Any],
    table: Sequence[Row],
    records: Sequence[EntryRecord],
    ignored: Mapping[str, Counter[str]],
) -> Page:
    """Counts by source and reason, a handful of each source, an example of each reason, and what was left out."""
    shards = {record.outcome.id: record.shard for record in reversed(records) if record.shard is not None}
    pictures = []
    for name in funnel["sources"]:
        shown = [row for row in table if row.origins[0].source == name][:SHOWN]
        images = load_pictures(build.space.store, [(row.id, str(shards[row.id])) for row in shown])
        caption = "Sorted by id, which is as good as at random."
        pictures.append(save_sheet(build, f"{name}.png", f"Some of {name}", images, caption=caption))
    sources = Table(
        "Sources, in order of priority",
        ("source", "offered", "quarantined", "new pictures"),
        tuple((name, row["offered"], row["quarantined"], row["new"]) for name, row in funnel["sources"].items()),
    )
    bad = sorted(
        (record for record in records if record.outcome.reason is not None),
        key=lambda record: (str(record.outcome.reason), record.source, record.entry.name, record.entry.position),
    )
    summary = (
        f"{funnel['offered']} images offered, {funnel['quarantined']} in quarantine, {funnel['identical']} the same as "
        f"another pixel for pixel, {funnel['distinct']} distinct pictures."
    )
    if funnel["animated"]:
        summary += f" Of {funnel['animated']} with several frames or pages the first is kept."
    left_out = ignored_tables(ignored)
    if not bad:
        return Page(summary, tuple(pictures), tables=(sources, *left_out))
    tables = (sources, *quarantine_tables(funnel, bad), *left_out)
    return Page(summary, (*pictures, *examples(build, bad)), tables=tables)


def ignored_tables(ignored: Mapping[str, Counter[str]]) -> tuple[Table, ...]:
    """What lies in the sources and was not offered, and what to do where it was meant to be."""
    rows = [
        (name, what, count, remedy_for(what))
        for name, counts in ignored.items()
        for what, count in counts.most_common()
    ]
    if not rows:
        return ()
    caption = "By their names no images; labels here are no classes."
    return (Table("Left out", ("source", "what", "how many", "remedy"), tuple(rows[:LISTED]), caption=caption),)


def quarantine_tables(funnel: dict[str, Any], bad: Sequence[EntryRecord]) -> tuple[Table, Table]:
    """How many were turned away for each reason, and which."""
    return (
        Table("Quarantine by reason", ("reason", "images"), tuple(sorted(funnel["reasons"].items()))),
        Table(
            "Quarantine",
            ("source", "name", "reason", "detail"),
            tuple((r.source, r.entry.name, str(r.outcome.reason), r.outcome.detail) for r in bad[:LISTED]),
            caption=f"The first {LISTED}; all are in quarantine.parquet.",
        ),
    )


def examples(build: Build, bad: Sequence[EntryRecord]) -> tuple[Picture, ...]:
    """One image of each reason, as far as one can be seen at all."""
    seen: dict[str, Pixels] = {}
    tried: dict[str, int] = {}
    for record in bad:
        reason = str(record.outcome.reason)
        tried[reason] = tried.get(reason, 0) + 1
        if reason not in seen and tried[reason] <= TRIED and (pixels := look_again(build, record)) is not None:
            seen[reason] = pixels
    if not seen:
        return ()
    reasons = [reason.replace("_", " ") for reason in seen]
    caption = "One of each reason of which anything can be seen."
    return (save_sheet(build, "quarantine.png", "In quarantine", list(seen.values()), reasons, caption, tile=112),)


def look_again(build: Build, record: EntryRecord) -> Pixels | None:
    """What can be seen of an image that was turned away."""
    source = next(source for source in build.config.sources if source.name == record.source)
    try:
        reader = open_source(
            source.name, source.path, source.kind, source.licence, build.space.memo.sha256, source.labels
        )
        (raw,) = reader.read([record.entry])
    except SourceError:  # it changed since
        return None
    return raw.pixels if raw.pixels is not None else glimpse(raw.data or b"")
