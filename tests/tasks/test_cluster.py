"""cluster: labels as k-means gives them, the number of clusters chosen, a page that shows each, a map of all."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from PIL import Image

from data.index import read_index
from logoflow.config.load import check_config
from logoflow.errors import UserError
from logoflow.report.page import Map, Page, read_page
from logoflow.run import Run
from logoflow.store.manifest import Manifest, Parts, content_digest
from logoflow.store.store import Artifact, record_files
from neighbours.vectors import write_vectors
from tasks import cluster_page
from tasks.cluster import cluster
from tasks.cluster_page import SHOWN, inside_out
from tasks.tables import read_labels

RunIngest = Callable[..., Artifact]
Inks = {"red": (220, 20, 30), "green": (20, 160, 60), "blue": (30, 60, 210)}
SIZES = (14, 10, 6)


@pytest.fixture(scope="module")
def logos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty logos on white in three colours, each at a place of its own."""
    folder = tmp_path_factory.mktemp("logos")
    number = 0
    for (name, ink), count in zip(Inks.items(), SIZES, strict=True):
        for _ in range(count):
            picture = Image.new("RGB", (40, 40), "white")
            picture.paste(ink, (4, 4, 20 + number % 7, 12 + number // 2))
            picture.save(folder / f"{name}-{number:02}.png")
            number += 1
    return folder


@pytest.fixture
def clustered(tmp_path: Path, logos: Path, run_ingest: RunIngest) -> Callable[..., Artifact]:
    """Ingest the logos, give each a vector by its colour, and cluster them; `tmp_path` holds the store."""

    def make(vectors_of: Callable[[list[str]], NDArray[np.float32]] = by_colour, **settings: Any) -> Artifact:
        store = tmp_path / "store"
        table = run_ingest(store, {"logos": logos}, shard_images=8)
        rows = read_index(table.file("images.parquet"))
        config = check_config(
            {
                "name": "small",
                "ingest": {"sources": [{"name": "logos", "path": str(logos)}], "shard_images": 8},
                "train_encoder": {"batch": 2, "queue": 2, "normalisation_groups": 1},
                "cluster": {"compare": [2, 3, 4, 5], **settings},
                "curate": {"resolution": 16},
            }
        )
        run = Run(config, store)
        vectors = vectors_of([row.origins[0].name for row in rows])
        state = cluster.fn(run, table, pretend_embedded(run, [row.id for row in rows], vectors))
        assert isinstance(state.data, Artifact)
        return state.data

    return make


def by_colour(names: list[str]) -> NDArray[np.float32]:
    axes = [list(Inks).index(name.split("-")[0]) for name in names]
    vectors = np.eye(8)[axes] + 0.1 * np.random.default_rng(0).standard_normal((len(names), 8))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def pretend_embedded(run: Run, ids: list[str], vectors: NDArray[np.float32]) -> Artifact:
    """An artifact of embed with these vectors."""
    store = run.workspace().store
    parts = Parts(stage="embed", code="", config={}, libraries={}, inputs={})
    with store.building("embed", parts.fingerprint()) as draft:
        write_vectors(draft / "vectors.arrow", ids, vectors)
        records = record_files(draft, ("vectors.arrow",))
        manifest = Manifest(
            stage="embed", fingerprint=parts.fingerprint(), content=content_digest(records), recipe="", parts=parts,
            inputs={}, units=(), files=records, metrics={}, versions={}, host={}, started="2025-01-01", duration_s=0,
        )  # fmt: skip
        return store.commit(draft, manifest)


def colours_by_label(artifact: Artifact) -> dict[int, set[str]]:
    """The colours in the names on the map, by cluster."""
    drawn = the_map(read_page(artifact.path))
    found: dict[int, set[str]] = {}
    for point in drawn.points:
        found.setdefault(point.group, set()).add(point.name.split("-")[0])
    return found


def the_map(page: Page) -> Map:
    assert page.map is not None
    return page.map


@pytest.mark.parametrize("k", ["auto", 3])
def test_the_number_is_chosen_by_silhouette_or_taken_as_given(clustered: Callable[..., Artifact], k: object) -> None:
    made = clustered(k=k)
    assert made.manifest.metrics["k"] == 3
    assert np.bincount(list(read_labels(made).values())).tolist() == list(SIZES)
    assert np.load(made.file("centroids.npy")).shape == (3, 8)
    page = read_page(made.path)
    (curve,) = page.curves
    every, taken = curve.series
    assert every.x == (2, 3, 4, 5)
    assert (taken.x, taken.y) == ((3,), (every.y[1],))
    assert every.y[1] == max(every.y)
    assert ("Of 2, 3, 4, 5, 3 is the number that separates them best." in page.summary) == (k == "auto")


def test_centroids_of_an_earlier_clustering_name_the_same_clusters(
    clustered: Callable[..., Artifact], tmp_path: Path
) -> None:
    before = np.load(clustered(k=3).file("centroids.npy"))
    np.save(tmp_path / "given.npy", before[[2, 0, 1]])
    given = clustered(k=3, centroids=str(tmp_path / "given.npy"))
    assert colours_by_label(given) == {0: {"blue"}, 1: {"red"}, 2: {"green"}}
    assert np.array_equal(np.load(given.file("centroids.npy")), before[[2, 0, 1]])
    with pytest.raises(UserError, match=r"cluster.k is 2, but cluster.centroids has 3: set k to that"):
        clustered(k=2, centroids=str(tmp_path / "given.npy"))
    np.save(tmp_path / "far.npy", np.concatenate([before, -before[:1]]))
    with pytest.raises(UserError, match=r"no logo is nearest to number 3 of cluster.centroids: leave out"):
        clustered(k=4, centroids=str(tmp_path / "far.npy"))
    np.save(tmp_path / "other.npy", before[:, :4])
    with pytest.raises(UserError, match="use centroids of the same encoder"):
        clustered(k=3, centroids=str(tmp_path / "other.npy"))


def test_the_table_tells_size_cohesion_silhouette_and_colours(clustered: Callable[..., Artifact]) -> None:
    page = read_page(clustered(k=3).path)
    (table,) = page.tables
    for row, ink, size in zip(table.rows, Inks.values(), SIZES, strict=True):
        number, logos, cohesion, silhouette, colours = row
        assert (number, logos) == (list(Inks.values()).index(ink), size)
        assert 0.9 < float(cohesion or 0) < 1
        assert 0.7 < float(silhouette or 0) < 1
        red, green, blue = (int(str(colours)[place : place + 2], 16) for place in (1, 3, 5))
        assert np.abs(np.subtract((red, green, blue), ink)).max() <= 20
        assert str(colours).count("#") <= 2, "one colour, and perhaps that of soft edges"


def test_each_cluster_has_its_part_with_central_typical_and_outermost_logos(
    clustered: Callable[..., Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_page, "SHOWN", 3)
    made = clustered(k=3)
    page = read_page(made.path)
    assert [picture.file for picture in page.pictures] == ["pictures/clusters.png"], (
        "the overview shows it by this name"
    )
    assert [part.cluster for part in page.clusters] == [0, 1, 2]
    for part, size in zip(page.clusters, SIZES, strict=True):
        assert dict(part.facts)["logos"] == size
        assert [picture.title for picture in part.pictures] == (
            ["Most central", "Typical", "Outermost"] if size > 6 else ["Most central", "Outermost"]
        )
        assert len({(made.path / picture.file).read_bytes() for picture in part.pictures}) == len(part.pictures)


@pytest.mark.parametrize("size", [0, 2, 30, 48, 60, 500])
def test_central_typical_and_outermost_logos_are_different_ones(size: int) -> None:
    central, typical, outermost = inside_out(np.arange(size))
    assert central.tolist() == list(range(min(size, SHOWN)))
    assert outermost.tolist() == list(range(size))[SHOWN:][-SHOWN:][::-1]
    assert len(np.unique(np.concatenate([central, typical, outermost]))) == min(size, 3 * SHOWN)
    if size == 500:
        assert typical.mean() == pytest.approx(249.5, abs=1)


def test_the_map_shows_every_logo_once_with_its_own_picture(clustered: Callable[..., Artifact], logos: Path) -> None:
    made = clustered(k=3)
    drawn = the_map(read_page(made.path))
    assert sorted(point.name for point in drawn.points) == sorted(f"{path.name} (logos)" for path in logos.iterdir())
    assert colours_by_label(made) == {0: {"red"}, 1: {"green"}, 2: {"blue"}}
    sprite = np.asarray(Image.open(made.path / drawn.sprite).convert("RGB")).astype(int)
    for index, point in enumerate(drawn.points):
        row, column = divmod(index, drawn.columns)
        x, y = column * drawn.tile + drawn.tile // 5, row * drawn.tile + drawn.tile // 5
        assert np.abs(sprite[y, x] - Inks[point.name.split("-")[0]]).max() < 40, point.name
    with Image.open(made.path / drawn.picture.file) as still:
        assert still.size == (1600, 1000)


def test_a_map_of_fewer_logos_has_all_clusters_and_none_where_none_is_wanted(
    clustered: Callable[..., Artifact],
) -> None:
    few = the_map(read_page(clustered(k=3, map_images=5).path))
    assert len(few.points) == 5
    assert {point.group for point in few.points} == {0, 1, 2}
    assert read_page(clustered(k=3, map_images=0).path).map is None


def test_the_same_seed_makes_the_same_files(clustered: Callable[..., Artifact], tmp_path: Path) -> None:
    one = clustered(k=3)
    kept = {file.relative_to(one.path): file.read_bytes() for file in one.path.rglob("*") if file.is_file()}
    (tmp_path / "store").rename(tmp_path / "before")
    again = clustered(k=3)
    assert {
        file for file in kept if file.name != "manifest.json" and kept[file] != (again.path / file).read_bytes()
    } == set()
    assert pq.read_table(again.file("labels.parquet")).num_rows == 30


def test_more_clusters_than_different_vectors_are_refused(clustered: Callable[..., Artifact]) -> None:
    def equal(names: list[str]) -> NDArray[np.float32]:
        return np.eye(8, dtype=np.float32)[np.arange(len(names)) % 4]

    assert clustered(equal, k=3).manifest.metrics["k"] == 3  # 5 of `compare` cannot be made, and is left out
    with pytest.raises(UserError, match=r"cluster\.k is 5, but the 30 logos have only 4 different vectors: choose"):
        clustered(equal, k=5)
    with pytest.raises(UserError, match=r"cluster\.k is 30, but only 30 logos are left"):
        clustered(k=30)
