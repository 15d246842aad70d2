"""curate: the training set is the kept pictures at one size, in any channels, and as a zip that is read back."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from data.images import ADMITTED, decode
from data.index import read_index
from data.pixels import fit_rgb, fit_rgba
from data.sources import open_source
from logoflow.config.pipeline import PipelineConfig
from logoflow.report.page import read_page
from logoflow.run import Run
from logoflow.store.manifest import Manifest, Parts, content_digest
from logoflow.store.store import Artifact, record_files
from tasks import walls
from tasks.curate import curate

RunIngest = Callable[..., Artifact]
Files = dict[str, pa.Table]


@pytest.fixture
def logos(tmp_path: Path) -> Path:
    folder = tmp_path / "logos"
    folder.mkdir()
    for n in range(9):
        pixels = np.random.default_rng(n).integers(0, 256, (20 + n, 40, 3 + n % 2), np.uint8)
        Image.fromarray(pixels).save(folder / f"{n}.png")
    return folder


@pytest.fixture
def training_set(
    tmp_path: Path, logos: Path, run_ingest: RunIngest, make_config: Callable[..., PipelineConfig]
) -> Callable[..., Artifact]:
    """Ingest the logos, pretend that they were clustered and that the first is a copy of the second, and curate."""

    def make(ingested_for: int = 16, **curate_settings: Any) -> Artifact:
        store = tmp_path / "store"
        table = run_ingest(store, {"logos": logos}, curate={"resolution": ingested_for}, shard_images=4)
        ids = [row.id for row in read_index(table.file("images.parquet"))]
        run = Run(make_config({"logos": logos}, curate=curate_settings), store)
        labels = pa.table({"id": ids, "label": [n % 3 for n in range(len(ids))]})
        groups = pa.table({"id": ids[:2], "kept": [ids[1], ids[1]]})
        inputs = [
            table,
            pretend(run, "embed", {"vectors.arrow": pa.table({"id": ids})}),
            pretend(run, "cluster", {"labels.parquet": labels}),
            pretend(run, "deduplicate", {"groups.parquet": groups}),
        ]
        state = curate.fn(run, *inputs)
        assert isinstance(state.data, Artifact)
        return state.data

    return make


def pretend(run: Run, name: str, files: Files) -> Artifact:
    """An artifact of a stage that did not run."""
    store = run.workspace().store
    parts = Parts(stage=name, code="", config={}, libraries={}, inputs={})
    with store.building(name, parts.fingerprint()) as draft:
        for file, table in files.items():
            pq.write_table(table, draft / file)
        records = record_files(draft, tuple(files))
        manifest = Manifest(
            stage=name, fingerprint=parts.fingerprint(), content=content_digest(records), recipe="", parts=parts,
            inputs={}, units=(), files=records, metrics={}, versions={}, host={}, started="2025-01-01", duration_s=0,
        )  # fmt: skip
        return store.commit(draft, manifest)


def read_provenance(artifact: Artifact) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(artifact.file("provenance.parquet")).to_pylist()
    return rows


@pytest.mark.parametrize("ingested_for", [16, 32], ids=["squares from ingest", "squares made anew"])
@pytest.mark.parametrize("channels", ["rgb", "rgba"])
def test_every_kept_picture_is_fitted_into_a_square(
    training_set: Callable[..., Artifact], logos: Path, channels: str, ingested_for: int
) -> None:
    made = training_set(ingested_for, resolution=16, channels=channels, background=(9, 8, 7))
    pixels, provenance = np.load(made.file("pixels.npy")), read_provenance(made)
    assert pixels.shape == (8, len(channels), 16, 16)
    for square, row in zip(pixels, provenance, strict=True):
        picture = decode((logos / row["name"]).read_bytes(), ADMITTED).pixels
        assert_array_equal(square, fit_rgb(picture, 16, (9, 8, 7)) if channels == "rgb" else fit_rgba(picture, 16))


def test_squares_of_ingest_and_squares_made_anew_are_the_same_training_set(
    training_set: Callable[..., Artifact],
) -> None:
    assert training_set(16, resolution=16).content == training_set(32, resolution=16).content


@pytest.mark.parametrize("channels", ["rgb", "rgba"])
def test_the_zip_is_read_back_pixel_for_pixel_with_its_labels(
    training_set: Callable[..., Artifact], channels: str
) -> None:
    made = training_set(resolution=16, channels=channels, export="zip")
    pixels, labels = np.load(made.file("pixels.npy")), np.load(made.file("labels.npy"))
    source = open_source("export", made.file("dataset.zip"))
    raws = list(source.read(source.entries()))
    assert len(raws) == len(pixels)
    for raw, square, label in zip(raws, pixels, labels, strict=True):
        assert raw.data is not None
        assert_array_equal(np.asarray(Image.open(io.BytesIO(raw.data))).transpose(2, 0, 1), square)
        assert set(raw.labels.values()) == {label}
    assert [row["id"] for row in read_provenance(made)] == [raw.entry.name.removesuffix(".png") for raw in raws]
    told = dict(json.loads(made.file("dataset.json").read_text())["labels"])
    assert list(told.values()) == labels.tolist()


def test_each_class_shows_all_its_logos_on_sheets_that_are_full_before_the_next_begins(
    training_set: Callable[..., Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walls, "COLUMNS", 1)
    monkeypatch.setattr(walls, "ROWS", 3)
    made = training_set(resolution=16)
    pixels, labels = np.load(made.file("pixels.npy")), np.load(made.file("labels.npy"))
    parts = read_page(made.path).clusters
    assert [part.cluster for part in parts] == np.unique(labels).tolist()
    for part in parts:
        members = np.flatnonzero(labels == part.cluster)
        assert part.facts == (("in the training set", len(members)),)
        assert len(part.sheets) == -(-len(members) // 3)
        for place, row in enumerate(members):
            sheet = np.asarray(Image.open(made.path / part.sheets[place // 3].file).convert("RGB")).astype(float)
            top = 4 + place % 3 * (walls.TILE + 4)
            shown = sheet[top : top + walls.TILE, 4 : 4 + walls.TILE].mean(axis=(0, 1))
            assert shown == pytest.approx(pixels[row].mean(axis=(1, 2)), abs=6)
