"""Training images come out of folders and zips as Pillow sees them, with the classes that those name."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from data.export import write_zip
from stylegan2.folders import load_images


def png(pixels: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("channels", [3, 4])
def test_the_zip_of_a_training_set_is_read_back(channels: int, tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, channels, 8, 12), np.uint8)
    write_zip(tmp_path / "dataset.zip", images, [f"{i:02x}" for i in range(5)], [3, 0, 0, 1, 3])
    read, labels = load_images(tmp_path / "dataset.zip", None)
    assert labels is not None
    assert labels.tolist() == [3, 0, 0, 1, 3]
    assert labels.dtype == np.int64
    assert np.array_equal(read, images)


def test_a_zip_of_other_tools_may_have_folders_gray_pictures_and_no_labels(tmp_path: Path) -> None:
    gray = np.random.default_rng(0).integers(0, 256, (2, 6, 6), np.uint8)
    palette = Image.fromarray(gray[0]).convert("P")
    palette.save(tmp_path / "palette.gif")
    with zipfile.ZipFile(tmp_path / "gray.zip", "w") as archive:
        archive.writestr("00000/img00000001.png", png(gray[1]))
        archive.writestr("00000/img00000000.png", png(gray[0]))
        archive.writestr("dataset.json", json.dumps({"labels": None}))
        archive.writestr("read.me", "no picture")
    images, labels = load_images(tmp_path / "gray.zip", None)
    assert labels is None
    assert np.array_equal(images[:, 0], gray)
    with zipfile.ZipFile(tmp_path / "palette.zip", "w") as archive:
        archive.write(tmp_path / "palette.gif", "a.gif")
    assert np.array_equal(load_images(tmp_path / "palette.zip", None)[0][0], gray[[0, 0, 0]])


def test_zips_that_cannot_be_trained_on_are_told_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "dataset.zip"
    path.write_bytes(b"PK no zip")
    with pytest.raises(ValueError, match="cannot be read as a zip of pictures"):
        load_images(path, None)
    for contents, sentence in [
        ({}, "holds pictures of nothing: give pictures of one size"),
        ({"a.png": (4, 4), "b.png": (4, 8)}, "holds pictures of 4 x 4 x 1, 8 x 4 x 1: give pictures of one size"),
        ({"a.png": (4, 4), "b.png": (4, 4)}, "has no label of b.png: give one of every picture in dataset.json"),
    ]:
        with zipfile.ZipFile(path, "w") as archive:
            for name, shape in contents.items():  # type: ignore[attr-defined]
                archive.writestr(name, png(np.zeros(shape, np.uint8)))
            archive.writestr("dataset.json", json.dumps({"labels": [["a.png", 1]]}))
        with pytest.raises(ValueError, match=sentence):
            load_images(path, None)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", png(np.zeros((9, 9, 3), np.uint8))[:-30])
    with pytest.raises(ValueError, match="cannot be read as a zip of pictures"):
        load_images(path, None)


@pytest.mark.parametrize(
    "told",
    ["[]", '{"labels": [["a.png", 0.9]]}', '{"labels": [["a.png", "cat"]]}', '{"labels": 3}', "{", '{"labels": [1]}'],
)
def test_labels_of_another_form_are_told_in_a_sentence(told: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.png", png(np.zeros((4, 4), np.uint8)))
        archive.writestr("dataset.json", told)
    with pytest.raises(ValueError, match=r"dataset\.json has to lie beside the pictures and hold .*: write it anew"):
        load_images(tmp_path / "a.zip", None)


def test_what_would_be_read_as_something_else_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "nested.zip", "w") as archive:
        archive.writestr("set/a.png", png(np.zeros((4, 4), np.uint8)))
        archive.writestr("set/dataset.json", json.dumps({"labels": [["a.png", 1]]}))
    with pytest.raises(ValueError, match="has to lie beside the pictures"):
        load_images(tmp_path / "nested.zip", None)
    with zipfile.ZipFile(tmp_path / "deep.zip", "w") as archive:
        archive.writestr("a.png", png(np.full((4, 4), 1000, np.uint16)))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"a\.png has more than 8 bits a channel"):
        load_images(tmp_path / "deep.zip", None)


def test_pictures_of_a_folder_come_to_a_white_square_with_the_classes_of_their_folders(tmp_path: Path) -> None:
    red = np.zeros((4, 8, 4), np.uint8)
    red[..., [0, 3]] = 255
    red[:, :2, 3] = 0
    for name in ("b/one.png", "a/deep/two.PNG"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(png(red))
    images, labels = load_images(tmp_path, 8)
    assert labels is not None
    assert labels.tolist() == [0, 1]
    expected = np.full((8, 8, 3), 255, np.uint8)
    expected[2:6, 2:] = (255, 0, 0)
    assert np.array_equal(images[1], expected.transpose(2, 0, 1))
    (tmp_path / "top.png").write_bytes(png(red))
    with pytest.raises(ValueError, match="pictures beside its sub-folders"):
        load_images(tmp_path, 8)
    with pytest.raises(ValueError, match="say with --size"):
        load_images(tmp_path, None)


def test_pictures_with_more_than_8_bits_and_what_macos_leaves_are_not_taken_for_pictures(tmp_path: Path) -> None:
    folder = tmp_path / "logos"
    folder.mkdir()
    (folder / "a.png").write_bytes(png(np.zeros((8, 8, 3), np.uint8)))
    (folder / "._a.png").write_bytes(b"resource fork")
    assert len(load_images(folder, 8)[0]) == 1
    with zipfile.ZipFile(tmp_path / "logos.zip", "w") as archive:
        archive.write(folder / "a.png", "a.png")
        archive.write(folder / "._a.png", "__MACOSX/._a.png")
    assert len(load_images(tmp_path / "logos.zip", None)[0]) == 1
    Image.fromarray(np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000).save(folder / "deep.png")
    with pytest.raises(ValueError, match=r"deep\.png has more than 8 bits a channel: write it with 8"):
        load_images(folder, 8)


@pytest.mark.parametrize("content", [None, b"", b"text", "cut", "objects"])
def test_arrays_that_cannot_be_read_are_told_in_a_sentence(content: bytes | str | None, tmp_path: Path) -> None:
    path = tmp_path / "logos.npy"
    if content == "objects":
        np.save(path, np.array([{}, []], dtype=object), allow_pickle=True)
    elif content == "cut":
        np.save(path, np.zeros((4, 3, 8, 8), np.uint8))
        path.write_bytes(path.read_bytes()[:-9])
    elif isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"logos\.npy is missing, damaged or no \.npy of numbers: write it anew"):
        load_images(path, None)


@pytest.mark.parametrize(("name", "size"), [("logos.npy", 32), ("logos.zip", 32), ("logos", 3), ("logos", -4)])
def test_a_size_that_would_do_nothing_is_refused(name: str, size: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"--size is {size}, but it is of at least 4 pixels, and only for a folder"):
        load_images(tmp_path / name, size)
