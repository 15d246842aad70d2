"""Which logo is meant and which run's: names before ids, and what was used last before what was made last."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.artifacts import commit
from data.index import write_index
from data.table import Origin, Picture
from logoflow.errors import UserError
from logoflow.resolve import Workspace
from logoflow.search import last_used, open_collection, row_of, with_clusters
from logoflow.store.ledger import Event, Kind
from logoflow.store.store import Artifact
from neighbours.vectors import with_outlines, write_vectors


def embed(space: Workspace, ids: Sequence[str], names: Sequence[str], shift: float = 0) -> Artifact:
    """What ingest and embed would have left of logos with these ids and names."""
    rows = [
        Picture(i, i, b"", "", 9, 9, "RGB", (Origin("a", name, n),), {}, "")
        for n, (i, name) in enumerate(zip(ids, names, strict=True))
    ]
    table = commit(space, "ingest", {}, "images.parquet", lambda path: write_index(path, rows))
    vectors = np.eye(len(ids), dtype=np.float32) + np.float32(shift)
    return commit(space, "embed", {"ingest": table}, "vectors.arrow", lambda path: write_vectors(path, ids, vectors))


def cluster(space: Workspace, embedded: Artifact, ids: Sequence[str], label: int) -> Artifact:
    labels = pa.table({"id": ids, "label": [label] * len(ids)})
    return commit(space, "cluster", {"embed": embedded}, "labels.parquet", lambda path: pq.write_table(labels, path))


IDS = ["1234" + "0" * 60, "cafe0" + "0" * 59, "cafe1" + "0" * 59, "dead" + "0" * 60]


def test_a_name_is_meant_before_the_beginning_of_an_id(space: Workspace) -> None:
    embed(space, IDS, ["a.png", "b.png", "1234", "cafe"])
    collection = open_collection(space)
    assert row_of(collection, "cafe") == 3
    assert row_of(collection, "1234") == 2
    assert row_of(collection, "cafe1") == 2
    assert row_of(collection, IDS[0]) == 0


def test_distances_are_those_of_vectors_with_outlines_beside_them(space: Workspace) -> None:
    embed(space, IDS, ["a", "b", "c", "d"])
    random = np.random.default_rng(0)
    vectors, outlines = (random.standard_normal((9, width)).astype(np.float32) for width in (5, 7))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    outlines /= np.linalg.norm(outlines, axis=1, keepdims=True)
    outlines[4] = 0  # without edges
    for weight in (0.0, 2.5):
        collection = replace(open_collection(space, weight), vectors=vectors, outlines=outlines)
        both = with_outlines(vectors, outlines, weight)
        for row in (2, 4):
            np.testing.assert_allclose(collection.described(row), both[row], atol=1e-6)
            np.testing.assert_allclose(collection.cosines(both[row]), both @ both[row], atol=1e-5)


def test_several_that_are_meant_are_named_by_their_ids(space: Workspace) -> None:
    embed(space, IDS, ["twice", "twice", "c", "d"])
    collection = open_collection(space)
    with pytest.raises(UserError, match=r"2 logos .* twice: give one of the ids 123400000000, cafe00000000"):
        row_of(collection, "twice")
    with pytest.raises(UserError, match=r"2 logos have the id or name cafe: .* cafe00000000, cafe10000000\."):
        row_of(collection, "cafe")
    for unknown in ("caf", "beef", "nobody"):
        with pytest.raises(UserError, match=f"no logo without text has the id or name {unknown}"):
            row_of(collection, unknown)


def test_the_last_run_counts_though_it_only_found_what_was_built_before(space: Workspace) -> None:
    names = ["a", "b", "c", "d"]
    with pytest.raises(UserError, match="holds no embedded logos"):
        open_collection(space)
    first = embed(space, IDS, names)
    labelled = cluster(space, first, IDS, label=1)
    other = embed(space, IDS[:3], names[:3], shift=0.1)
    assert open_collection(space).embedded.path == other.path
    assert with_clusters(space, open_collection(space), [{"id": IDS[0]}])[0]["cluster"] is None  # of other vectors
    for made in (first, labelled):
        told = {"fingerprint": made.manifest.fingerprint}
        space.ledger.append(Event("third", "another", Kind.STAGE_CACHED, made.stage, told))
    assert open_collection(space).embedded.path == first.path
    assert with_clusters(space, open_collection(space), [{"id": IDS[0]}])[0]["cluster"] == 1
    assert last_used(space, "train_encoder") is None
