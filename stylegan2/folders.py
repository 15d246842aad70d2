"""Training images from a folder of pictures, a dataset.zip or an array file, without a pipeline."""

from __future__ import annotations

import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp")
WHITE = (255, 255, 255)
LABELS = "dataset.json"
MOST_CLASSES = 2**31
WRONG_LABELS = f'{LABELS} has to lie beside the pictures and hold {{"labels": [["NAME.png", 0], ...]}}: write it anew.'


def load_images(path: Path, size: int | None) -> tuple[NDArray[np.uint8], NDArray[np.int64] | None]:
    """Read training images.

    Args:
        path: an .npy of uint8 `[N, C, H, W]`, with labels in `NAME.labels.npy` beside it if there is such a file; a
            .zip of equally large pictures with their labels in dataset.json, as StyleGAN tools make it and as
            `curate.export: zip` does; or a folder of pictures, whose sub-folders, in the order of their names, are the
            classes.
        size: side in pixels that the pictures of a folder are brought to, on a white square.

    Returns:
        Images uint8 `[N, C, H, W]` and labels int64 `[N]`, None where there are no classes.

    Raises:
        ValueError: nothing usable is there.
    """
    if size is not None and (size < 4 or path.suffix in (".npy", ".zip")):
        raise ValueError(
            f"--size is {size}, but it is of at least 4 pixels, and only for a folder of pictures; those of an .npy or "
            ".zip are taken as they are."
        )
    if path.suffix == ".npy":
        labels = path.with_suffix(".labels.npy")
        return _array(path), _array(labels) if labels.is_file() else None
    if path.suffix == ".zip" and path.is_file():
        return _zipped(path)
    if not path.is_dir():
        raise ValueError(f"{path} is neither a folder nor an .npy or .zip file: give one of them.")
    if size is None:
        raise ValueError("Pictures of a folder have many sizes: say with --size to which side in pixels to bring them.")
    files = sorted(file for file in path.rglob("*") if is_picture(file.name))
    if not files:
        raise ValueError(f"There are no pictures in {path}: give a folder with {', '.join(SUFFIXES)} files.")
    folders = [file.relative_to(path).parts[0] for file in files]  # sub-folders of a class are of the same class
    classes = sorted({folder for file, folder in zip(files, folders, strict=True) if file.parent != path})
    pixels = np.stack([_square(file, size) for file in files])
    if not classes:
        return pixels, None
    if any(file.parent == path for file in files):
        raise ValueError(f"{path} has pictures beside its sub-folders: put every picture into a sub-folder, or none.")
    return pixels, np.array([classes.index(folder) for folder in folders], dtype=np.int64)


def is_picture(name: str) -> bool:
    """Whether a file's name is that of a picture; what macOS puts beside each picture (`._NAME`) is none."""
    return name.lower().endswith(SUFFIXES) and not name.startswith("._")


def _array(path: Path) -> NDArray[Any]:
    try:
        loaded: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, EOFError, ValueError) as error:  # missing, empty, cut off, objects, or something else
        raise ValueError(f"{path} is missing, damaged or no .npy of numbers: write it anew with numpy.save.") from error
    return loaded


def _zipped(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64] | None]:
    """Pictures as they are, gray, RGB or RGBA, in the order of their names; labels where dataset.json has them."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(name for name in archive.namelist() if is_picture(name.rpartition("/")[2]))
            labels = _labels(archive)
            images = [_planes(archive, name) for name in names]
    # What zipfile, zlib and Pillow raise at damage, encryption and compression that they do not know.
    except (zipfile.BadZipFile, zlib.error, OSError, SyntaxError, RuntimeError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path} cannot be read as a zip of pictures ({error}): make it again.") from error
    shapes = sorted({image.shape for image in images})
    if len(shapes) != 1:
        sizes = ", ".join(f"{width} x {height} x {channels}" for channels, height, width in shapes[:3]) or "nothing"
        raise ValueError(f"{path} holds pictures of {sizes}: give pictures of one size and one number of channels.")
    if not labels:
        return np.stack(images), None
    if missing := [name for name in names if name not in labels]:
        raise ValueError(f"{path} has no label of {missing[0]}: give one of every picture in {LABELS}, or of none.")
    return np.stack(images), np.array([labels[name] for name in names], dtype=np.int64)


def _labels(archive: zipfile.ZipFile) -> dict[str, int]:
    """What dataset.json says of each picture; empty where there is none, or it says nothing."""
    found = [name for name in archive.namelist() if name.rpartition("/")[2] == LABELS]
    if not found:
        return {}
    try:
        labels = dict(json.loads(archive.read(LABELS))["labels"] or ())
    except (KeyError, TypeError, ValueError) as error:  # it lies in a folder, or is something else
        raise ValueError(WRONG_LABELS) from error
    if not all(isinstance(label, int) and 0 <= label < MOST_CLASSES for label in labels.values()):
        raise ValueError(WRONG_LABELS)
    return labels


def _planes(archive: zipfile.ZipFile, name: str) -> NDArray[np.uint8]:
    with archive.open(name) as opened, Image.open(opened) as image:
        _check_depth(image, name)
        mode = image.mode if image.mode in ("L", "RGB", "RGBA") else "RGBA" if image.has_transparency_data else "RGB"
        pixels = np.asarray(image.convert(mode))
    return pixels.reshape(*pixels.shape[:2], -1).transpose(2, 0, 1)


def _check_depth(image: Image.Image, name: object) -> None:
    if image.mode.startswith(("I", "F")):
        raise ValueError(f"{name} has more than 8 bits a channel: write it with 8.")


def _square(file: Path, size: int) -> NDArray[np.uint8]:
    try:
        with Image.open(file) as opened:
            _check_depth(opened, file)
            image = ImageOps.exif_transpose(opened).convert("RGBA")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:  # Pillow raises all of them at damage
        raise ValueError(f"{file} cannot be read as a picture: mend it, or take it out of the folder.") from error
    white = Image.new("RGBA", image.size, (*WHITE, 255))
    flat = Image.alpha_composite(white, image).convert("RGB")
    square = ImageOps.pad(flat, (size, size), method=Image.Resampling.LANCZOS, color=WHITE)
    return np.asarray(square).transpose(2, 0, 1)
