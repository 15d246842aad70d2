"""The command: settings as options, pictures from a folder, and refusals in one line."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from data.pixels import fit_rgb
from moco.encoder import load_encoder
from moco.train import _read, main

SMALL = [
    "--width=4",
    "--resolution=16",
    "--dimensions=8",
    "--epochs=1",
    "--batch=8",
    "--queue=8",
    "--normalisation_groups=2",
]


def test_it_trains_from_a_folder_of_pictures(
    images: NDArray[np.uint8], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    for i, image in enumerate(images[:24]):
        Image.fromarray(image.transpose(1, 2, 0)).save(tmp_path / "in" / f"{i:02}.png")
    np.save(tmp_path / "labels.npy", np.arange(24) % 2)
    arguments = ["--images", str(tmp_path / "in"), "--out", str(tmp_path / "out"), *SMALL, "--augmentation.blur", "0"]
    assert main([*arguments, "--labels", str(tmp_path / "labels.npy")]) == 0
    *reports, path = capsys.readouterr().out.splitlines()
    assert all("knn=0." in report or "knn=1." in report for report in reports)
    settings = load_encoder(Path(path)).settings
    assert (settings.width, settings.augmentation.blur) == (4, 0)


def test_pictures_are_put_on_white_and_padded_to_a_square(tmp_path: Path) -> None:
    Image.new("RGBA", (64, 32), (255, 0, 0, 255)).save(tmp_path / "a.png")
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "b.png")
    wide, clear = _read(tmp_path, 16)
    assert (wide[:, :4] == 255).all()
    assert (wide[:, 4:12] == np.array([255, 0, 0])[:, None, None]).all()
    assert (clear == 255).all()


@pytest.mark.parametrize("size", [(8, 8), (10, 6), (3, 11), (200, 90), (64, 64)])
def test_pictures_are_framed_as_the_pipeline_frames_them(size: tuple[int, int], tmp_path: Path) -> None:
    """Smaller ones are enlarged, too."""
    random = np.random.default_rng(0)
    small = Image.fromarray(random.integers(0, 256, (4, 4, 4), np.uint8))  # with alpha
    small.resize(size, Image.Resampling.BICUBIC).save(tmp_path / "a.png")
    (found,) = _read(tmp_path, 32)
    expected = fit_rgb(np.asarray(Image.open(tmp_path / "a.png")), 32)
    np.testing.assert_array_equal((found == 255).all(axis=0).all(axis=0), (expected == 255).all(axis=0).all(axis=0))
    assert np.abs(found.astype(int) - expected).max() <= 2  # torch resamples there and rounds otherwise


def test_a_broken_picture_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    for damaged in (b"nothing", whole[:40], whole[: len(whole) // 2]):
        (tmp_path / "b.png").write_bytes(damaged)
        assert main(["--images", str(tmp_path), "--out", str(tmp_path / "out"), *SMALL]) == 2
        assert f"{tmp_path / 'b.png'} cannot be read as a picture: mend it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--epochs=-1", "epochs: Input should be greater than or equal to 0"),
        ("--augmentation.blur=2", "augmentation.blur: Input should be less than or equal to 1"),
        ("--queue=12", "queue is 12, but each step brings 8 keys: choose a multiple, such as 16."),
        ("--normalisation_groups=3", "choose a smaller divisor of the batch"),
        ("--stem_stride=4", "resolution is 16, but the network reduces the side by 32: choose 32 or more"),
        ("--images=nothing", "nothing is neither a .npy file nor a folder"),
        ("--device=cuda:99", "device is cuda:99, but there is only"),
        ("--device=abacus", "give --device one that is there"),
    ],
)
def test_wrong_arguments_end_with_one_sentence_and_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, message: str
) -> None:
    assert main(["--images", str(tmp_path), "--out", str(tmp_path / "out"), *SMALL, option]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_no_epochs_without_weights_end_with_one_sentence(
    images: NDArray[np.uint8], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "images.npy", images)
    out = tmp_path / "out"
    assert main(["--images", str(tmp_path / "images.npy"), "--out", str(out), *SMALL, "--epochs=0"]) == 2
    assert capsys.readouterr().err.startswith("epochs is 0, which keeps weights as they are: set weights")
    assert not out.exists()
