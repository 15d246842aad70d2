"""deduplicate: copies found by their vectors, confirmed by their pixels; the best of each group is kept."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from data.table import Picture
from logoflow.config.sections import DeduplicateConfig
from logoflow.report.page import Page, Table
from logoflow.store.store import Artifact
from neighbours.comparison import Tolerance
from neighbours.duplicates import Original, content_share, find_pairs, group
from tasks.images import load_pictures, load_squares, read_rows, read_table, shard_of_each, shards
from tasks.sheets import save_sheet
from tasks.stage import Build, stage
from tasks.tables import read_vectors

THUMBNAIL = 64
SHOWN = 48
LOSSLESS = (b"\x89PNG", b"GIF8", b"BM", b"II*\x00", b"MM\x00*")
_GROUPS = pa.schema([("id", pa.string()), ("kept", pa.string()), ("similarity", pa.float64()), ("reason", pa.string())])

Row = dict[str, Any]
"""A row of groups.parquet: a picture that goes, the one that stays in its place, and why."""


@stage("deduplicate")
def deduplicate(build: Build, table: Artifact, embedded: Artifact) -> None:
    """Find copies of one logo and keep the largest original of each group."""
    config: DeduplicateConfig = build.config
    ids, vectors = read_vectors(embedded.file("vectors.parquet"))
    thumbnails = load_squares(table, build.space.store, ids, THUMBNAIL)
    rows = {row.id: row for row in read_table(table)}
    sizes = np.array([(rows[i].width, rows[i].height) for i in ids], np.int64)
    tolerance = Tolerance(config.colour, config.edges, config.overlap)
    pairs = find_pairs(vectors, thumbnails, sizes, config.neighbours, config.similarity, tolerance)
    groups = group(pairs, originals(build, table, ids, thumbnails, rows))

    dropped: list[Row] = [
        {"id": ids[row], "kept": ids[g.kept], "similarity": float(vectors[row] @ vectors[g.kept]), "reason": g.reason}
        for g in groups
        for row in g.dropped
    ]
    dropped.sort(key=lambda row: str(row["id"]))
    pq.write_table(pa.Table.from_pylist(dropped, schema=_GROUPS), build.folder / "groups.parquet", compression="zstd")
    build.metrics |= {"candidates": len(pairs.first), "groups": len(groups), "duplicates": len(dropped)}
    build.page(duplicates_page(build, table, dropped, rows, len(groups)))


def originals(
    build: Build, table: Artifact, ids: Sequence[str], thumbnails: NDArray[np.uint8], rows: dict[str, Picture]
) -> list[Original]:
    """What decides which picture of a group is kept."""
    priority = {source.name: rank for rank, source in enumerate(build.run.config.ingest.sources)}
    encoded: dict[str, tuple[int, bool]] = {}
    for shard in shards(table, build.space.store, ids):
        encoded |= {row.id: (len(row.data), row.data.startswith(LOSSLESS)) for row in read_rows(shard)}
    return [
        Original(
            width=rows[i].width,
            height=rows[i].height,
            content=float(share),
            lossless=encoded[i][1],
            bytes_per_pixel=encoded[i][0] / (rows[i].width * rows[i].height),
            priority=priority.get(rows[i].origins[0].source, len(priority)),
        )
        for i, share in zip(ids, content_share(thumbnails), strict=True)
    ]


def duplicates_page(
    build: Build, table: Artifact, dropped: Sequence[Row], rows: dict[str, Picture], groups: int
) -> Page:
    """Pairs of what stays and what goes."""
    summary = f"{len(dropped)} copies in {groups} groups are dropped; the best picture of each group stays."
    if not dropped:
        return Page(summary)
    where = shard_of_each(table)
    pairs = [i for row in dropped[:SHOWN] for i in (row["kept"], row["id"])]
    captions = [caption for row in dropped[:SHOWN] for caption in ("stays", f"goes {row['similarity']:.2f}")]
    images = load_pictures(build.space.store, [(i, where[i]) for i in pairs])
    sheet = save_sheet(
        build,
        "duplicates.png",
        "Copies, beside the picture that stays",
        images,
        captions,
        "The number is the cosine similarity of their vectors; the pixels were compared as well.",
        columns=12,
    )
    listed = Table(
        "Copies",
        ("goes", "from", "stays", "from ", "similarity", "why"),
        tuple(
            (
                rows[row["id"]].origins[0].name, rows[row["id"]].origins[0].source,
                rows[row["kept"]].origins[0].name, rows[row["kept"]].origins[0].source,
                round(row["similarity"], 3), row["reason"],
            )
            for row in dropped[:200]
        ),
        caption="The first two hundred; all are in groups.parquet.",
    )  # fmt: skip
    return Page(summary, (sheet,), tables=(listed,))
