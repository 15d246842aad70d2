"""deduplicate: copies found by their vectors, confirmed by their pixels; the best of each group is kept."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from data.table import Picture
from logoflow.config.sections import DeduplicateConfig
from logoflow.store.store import Artifact
from moco.encoder import Encoder, load_encoder
from moco.encoder import embed as encode
from neighbours.calibration import Calibration, Trial, calibrate, make_trials
from neighbours.duplicates import (
    Described,
    Original,
    content_share,
    find_mirrored_pairs,
    find_pairs,
    group,
    is_lossless,
    join,
)
from neighbours.vectors import read_vectors
from tasks.describe import THUMBNAIL, describe
from tasks.device import NETWORK, device_named
from tasks.duplicates_page import Row, duplicates_page
from tasks.images import load_pictures, load_squares, read_rows, read_table, shard_of_each, shards
from tasks.stage import Build, stage

_GROUPS = pa.schema([("id", pa.string()), ("kept", pa.string()), ("similarity", pa.float64()), ("reason", pa.string())])


@stage("deduplicate")
def deduplicate(build: Build, table: Artifact, embedded: Artifact, trained: Artifact) -> None:
    """Find copies of one logo and keep the largest original of each group."""
    config: DeduplicateConfig = build.config
    ids, vectors = read_vectors(embedded.file("vectors.parquet"))
    rows = {row.id: row for row in read_table(table)}
    sizes = np.array([(rows[i].width, rows[i].height) for i in ids], np.int64)
    logos = Described(vectors, load_squares(table, build.space.store, ids, THUMBNAIL), sizes)
    encoder = load_encoder(trained.file("encoder.safetensors"), device_named(build.run.config.device))

    trials, calibration = calibrated(build, table, ids, logos, encoder)
    similarity = calibration.similarity if config.similarity is None else config.similarity
    pairs = find_pairs(logos, config.neighbours, similarity, calibration.tolerance)
    if config.mirrored == "copy":
        mirrored = mirror(build, table, ids, logos, encoder)
        pairs = join(pairs, find_mirrored_pairs(logos, mirrored, config.neighbours, similarity, calibration.tolerance))
    groups = group(pairs, originals(build, table, ids, logos.thumbnails, rows))

    dropped: list[Row] = [
        {"id": ids[row], "kept": ids[g.kept], "similarity": float(vectors[row] @ vectors[g.kept]), "reason": g.reason}
        for g in groups
        for row in g.dropped
    ]
    dropped.sort(key=lambda row: (str(row["kept"]), str(row["id"])))
    pq.write_table(pa.Table.from_pylist(dropped, schema=_GROUPS), build.folder / "groups.parquet", compression="zstd")
    build.metrics |= {
        "candidates": len(pairs.first),
        "groups": len(groups),
        "duplicates": len(dropped),
        "similarity": similarity,
        "expected_precision": calibration.chosen.precision,
        "expected_recall": calibration.chosen.recall,
    }
    build.page(duplicates_page(build, table, dropped, rows, trials, calibration))


def calibrated(
    build: Build, table: Artifact, ids: Sequence[str], logos: Described, encoder: Encoder
) -> tuple[list[Trial], Calibration]:
    """Copies made of some of the logos, and the thresholds that find them."""
    config: DeduplicateConfig = build.config
    assert config.seed is not None
    chosen = np.random.default_rng(config.seed).permutation(len(ids))[: config.samples]
    where = shard_of_each(table)
    pictures = load_pictures(build.space.store, [(ids[row], where[ids[row]]) for row in chosen])
    trials = make_trials(pictures, chosen.tolist(), config.seed)
    described = describe([trial.pixels for trial in trials], encoder, device_named(build.run.config.device))
    return trials, calibrate(logos, trials, described, config.neighbours, config.precision)


def mirror(build: Build, table: Artifact, ids: Sequence[str], logos: Described, encoder: Encoder) -> Described:
    """The mirror images of all logos."""
    squares = load_squares(table, build.space.store, ids, encoder.settings.resolution)
    with NETWORK:
        vectors = encode(
            encoder, np.ascontiguousarray(squares[..., ::-1]), device=device_named(build.run.config.device)
        )
    return Described(vectors, np.ascontiguousarray(logos.thumbnails[..., ::-1]), logos.sizes)


def originals(
    build: Build, table: Artifact, ids: Sequence[str], thumbnails: NDArray[np.uint8], rows: dict[str, Picture]
) -> list[Original]:
    """What decides which picture of a group is kept."""
    priority = {source.name: rank for rank, source in enumerate(build.run.config.ingest.sources)}
    encoded: dict[str, tuple[int, bool]] = {}
    for shard in shards(table, build.space.store, ids):
        encoded |= {row.id: (len(row.data), is_lossless(row.data)) for row in read_rows(shard)}
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
