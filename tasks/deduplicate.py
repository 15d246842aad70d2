"""deduplicate: copies found by their vectors, confirmed by their pixels; the best of each group is kept."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from data.pixels import fit_rgb, rgb
from data.table import Picture
from logoflow.config.sections import DeduplicateConfig
from logoflow.store.store import Artifact
from moco.encoder import Encoder, load_encoder
from moco.encoder import embed as encode
from neighbours.calibration import Calibration, Trial, calibrate, make_trials
from neighbours.described import Described
from neighbours.duplicates import Terms, find_copies
from neighbours.originals import Original
from neighbours.vectors import read_vectors
from tasks.describe import THUMBNAIL, describe
from tasks.device import NETWORK, device_named
from tasks.duplicates_page import Row, duplicates_page
from tasks.images import load_pictures, load_squares, read_rows, read_table, shard_of_each, shards
from tasks.scratch import scratch
from tasks.stage import Build, stage

_GROUPS = pa.schema([("id", pa.string()), ("kept", pa.string()), ("similarity", pa.float64()), ("reason", pa.string())])


@stage("deduplicate")
def deduplicate(build: Build, table: Artifact, embedded: Artifact, trained: Artifact) -> None:
    """Find copies of one logo and keep of each group the original that shows the most."""
    config: DeduplicateConfig = build.config
    ids, vectors, _ = read_vectors(embedded.file("vectors.arrow"))
    rows = {row.id: row for row in read_table(table)}
    thumbnails, originals = look(build, table, ids, rows)
    logos = Described(vectors, thumbnails, np.array([(rows[i].width, rows[i].height) for i in ids], np.int64))
    encoder = load_encoder(trained.file("encoder.safetensors"), device_named(build.run.config.device))

    trials, calibration = calibrated(build, table, ids, logos, encoder)
    terms = Terms(config.neighbours, calibration.similarity, calibration.tolerance)
    mirrored = mirror(build, table, ids, logos, encoder) if config.mirrored == "copy" else None
    found = find_copies(logos, originals, terms, mirrored)

    dropped: list[Row] = [
        {"id": ids[row], "kept": ids[g.kept], "similarity": float(vectors[row] @ vectors[g.kept]), "reason": g.reason}
        for g in found.groups
        for row in g.dropped
    ]
    dropped.sort(key=lambda row: (str(row["kept"]), str(row["id"])))
    pq.write_table(pa.Table.from_pylist(dropped, schema=_GROUPS), build.folder / "groups.parquet", compression="zstd")
    build.metrics |= {
        "candidates": found.compared,
        "search_recall": found.recall,
        "groups": len(found.groups),
        "duplicates": len(dropped),
        "similarity": terms.similarity,
        "expected_precision": calibration.expected.precision,
        "expected_recall": calibration.expected.recall,
    }
    build.page(duplicates_page(build, table, dropped, rows, trials, calibration, found.recall))


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
    return trials, calibrate(logos, trials, described, config.neighbours, config.precision, config.similarity)


def mirror(build: Build, table: Artifact, ids: Sequence[str], logos: Described, encoder: Encoder) -> Described:
    """The mirror images of all logos."""
    squares = load_squares(table, build.space.store, ids, encoder.settings.resolution, build.folder)
    with NETWORK:
        vectors = encode(encoder, squares[..., ::-1], device=device_named(build.run.config.device))
    return Described(vectors, logos.thumbnails[..., ::-1], logos.sizes)


def look(
    build: Build, table: Artifact, ids: Sequence[str], rows: dict[str, Picture]
) -> tuple[NDArray[np.uint8], list[Original]]:
    """Thumbnails `[N, 3, S, S]`, on the disk, and what decides which picture of a group is kept."""
    rank = {source.name: rank for rank, source in enumerate(build.run.config.ingest.sources)}
    place = {i: n for n, i in enumerate(ids)}
    thumbnails = scratch((len(ids), 3, THUMBNAIL, THUMBNAIL), build.folder)
    originals: dict[str, Original] = {}
    for shard in shards(table, build.space.store, ids):
        for row in read_rows(shard):
            pixels = rgb(row)
            thumbnails[place[row.id]] = fit_rgb(pixels, THUMBNAIL)
            priority = rank.get(rows[row.id].origins[0].source, len(rank))
            originals[row.id] = Original.of(pixels, row.data, priority)
    return thumbnails, [originals[i] for i in ids]
