"""`logoflow embed` on images against the encoder itself, and what search and embed refuse."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import logoflow
from labelled_logos import LABELLED
from PIL import Image

from craft.screen import WEIGHTS
from data.pixels import fit_rgb
from moco.encoder import embed, load_encoder
from moco.shipped import CENTROIDS, ENCODER
from neighbours.outlines import LENGTH, outlines

LOGOS = LABELLED[::64]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A Parquet file of labelled logos."""
    path = tmp_path / "logos.parquet"
    pq.write_table(pa.table({"name": [row["name"] for row in LOGOS], "png": [row["png"] for row in LOGOS]}), path)
    return path


def test_vectors_are_those_of_the_encoder_that_ships_and_names_are_passed_through(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "vectors.parquet"
    assert logoflow(monkeypatch, "embed", table, "--out", out) == 0
    found = pq.read_table(out)
    assert found.schema.names == ["name", "vector"]
    assert found.schema.field("vector").type == pa.list_(pa.float32())
    assert found["name"].to_pylist() == [row["name"] for row in LOGOS]
    pictures = [np.asarray(Image.open(io.BytesIO(row["png"])).convert("RGB")) for row in LOGOS]
    encoder = load_encoder(ENCODER)
    squares = np.stack([fit_rgb(picture, encoder.settings.resolution) for picture in pictures])
    both = np.concatenate([embed(encoder, squares), 2.5 * outlines(squares)], axis=1)
    expected = both / np.linalg.norm(both, axis=1, keepdims=True)
    np.testing.assert_allclose(np.array(found["vector"].to_pylist()), expected, atol=1e-4)
    assert logoflow(monkeypatch, "embed", table, "--out", out, "--outlines", 0) == 0
    alone = np.array(pq.read_table(out)["vector"].to_pylist())
    np.testing.assert_allclose(alone, embed(encoder, squares), atol=1e-4)
    assert not (tmp_path / "none").exists()


def test_the_encoder_that_ships_is_small_and_its_centroids_fit(tmp_path: Path) -> None:
    assert ENCODER.stat().st_size < 12e6
    assert np.load(CENTROIDS).shape == (10, load_encoder(ENCODER).settings.dimensions + LENGTH)


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err


def test_what_cannot_be_done_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert logoflow(monkeypatch, "search", "abcdef") == 2
    assert "is no store: run the pipeline first" in capsys.readouterr().err
    assert logoflow(monkeypatch, "search", "abcdef", "--sheet", tmp_path / "near.xyz") == 2
    assert "near.xyz, but a picture is written: give a file that ends in .png, .jpg, .jpeg or .webp" in complaint(
        capsys
    )
    assert logoflow(monkeypatch, "search", "abcdef", "--sheet", tmp_path / "none" / "near.png") == 2
    assert "near.png, but there is no such folder: make it, or give another" in complaint(capsys)
    (tmp_path / "broken.png").write_bytes(b"nothing")
    assert logoflow(monkeypatch, "embed", tmp_path / "broken.png", "--out", tmp_path / "v.parquet") == 2
    assert "no image that can be read" in capsys.readouterr().err
    table = tmp_path / "v.parquet"
    assert logoflow(monkeypatch, "embed", tmp_path, "--encoder", WEIGHTS, "--out", table) == 2
    assert "screen.safetensors is not an encoder: choose a file" in capsys.readouterr().err
