"""`logoflow project`: files for each image, from which the generator draws the same picture again."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import logoflow
from PIL import Image
from safetensors.torch import load_file

from stylegan2.checkpoints import load_generator, save_network
from stylegan2.generator import Generator
from stylegan2.grids import to_uint8
from stylegan2.settings import NetworkSettings


def generator_file(folder: Path, channels: int, classes: int) -> Path:
    torch.manual_seed(0)
    settings = NetworkSettings(
        width=32, height=32, channels=channels, classes=classes, z_dim=8, w_dim=8, channel_base=64, channel_max=8
    )
    save_network(folder / "generator.safetensors", Generator(settings))
    return folder / "generator.safetensors"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    pixels = np.zeros((40, 60, 4), np.uint8)
    pixels[10:30, 10:50] = (200, 40, 60, 255)
    Image.fromarray(pixels).save(tmp_path / "a logo.png")
    return tmp_path / "a logo.png"


@pytest.mark.parametrize(("channels", "classes", "space"), [(3, 3, "w"), (4, 0, "w+"), (1, 0, "w")])
def test_each_image_gets_its_files_and_w_draws_its_picture(
    channels: int,
    classes: int,
    space: str,
    image: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file, out = generator_file(tmp_path, channels, classes), tmp_path / "out"
    arguments = ("--out", out, "--generator", file, "--steps", 24, "--space", space)
    cluster = ("--cluster", 1) if classes else ()
    assert logoflow(monkeypatch, "project", image, image, *arguments, *cluster, "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == ["a_logo", "a_logo-2"]
    assert [row["cluster"] for row in rows] == [1 if classes else None] * 2

    tensors = load_file(out / "a_logo.safetensors")
    assert ("classes" in tensors) == bool(classes)
    with torch.no_grad():
        again = to_uint8(load_generator(file).synthesis(tensors["w"]))[0].transpose(1, 2, 0)
    picture = np.asarray(Image.open(out / "a_logo.png"))
    assert np.abs(picture.reshape(again.shape).astype(int) - again).max() <= 1
    assert tensors["w"].shape[:2] == (1, load_generator(file).settings.layers)
    assert (space == "w") == bool((tensors["w"] == tensors["w"][:, :1]).all())

    told = json.loads((out / "a_logo.json").read_text())
    assert told["error"] == rows[0]["error"]
    assert all(value > 0 for value in told["curve"])
    film = Image.open(out / "a_logo.webp")
    assert film.n_frames > 5  # type: ignore[attr-defined]
    assert film.size == Image.open(out / "a_logo-beside.png").size == (2 * 256 + 8, 256)


def test_what_cannot_be_is_said_in_a_sentence(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = generator_file(tmp_path, 3, 3)
    assert logoflow(monkeypatch, "project", image, "--out", tmp_path, "--generator", file, "--cluster", 3) == 2
    assert "3 clusters" in " ".join(capsys.readouterr().err.split())
    (tmp_path / "no.png").write_bytes(b"nothing")
    assert logoflow(monkeypatch, "project", tmp_path / "no.png", "--out", tmp_path, "--generator", file) == 2
    assert "no image that can be read" in " ".join(capsys.readouterr().err.split())
