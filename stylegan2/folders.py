"""Training images from a folder of pictures or from an array file, without a pipeline."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp")
WHITE = (255, 255, 255)


def load_images(path: Path, size: int | None) -> tuple[NDArray[np.uint8], NDArray[np.int64] | None]:
    """Read training images.

    Args:
        path: an .npy of uint8 `[N, C, H, W]`, with labels in `NAME.labels.npy` beside it if there is such a file; or a
            folder of pictures, whose sub-folders, in the order of their names, are the classes.
        size: side in pixels that the pictures of a folder are brought to, on a white square.

    Returns:
        Images uint8 `[N, C, H, W]` and labels int64 `[N]`, None where there are no classes.

    Raises:
        ValueError: nothing usable is there.
    """
    if path.suffix == ".npy":
        if not path.is_file():
            raise ValueError(f"There is no file {path}: give an .npy of uint8 [N, C, H, W].")
        labels = path.with_suffix(".labels.npy")
        images: NDArray[np.uint8] = np.load(path, mmap_mode="r", allow_pickle=False)
        return images, np.load(labels, allow_pickle=False) if labels.is_file() else None
    if not path.is_dir():
        raise ValueError(f"{path} is neither a folder nor an .npy file: give one of them.")
    if size is None:
        raise ValueError("Pictures of a folder have many sizes: say with --size to which side in pixels to bring them.")
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
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


def _square(file: Path, size: int) -> NDArray[np.uint8]:
    try:
        with Image.open(file) as opened:
            image = ImageOps.exif_transpose(opened).convert("RGBA")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:  # Pillow raises all of them at damage
        raise ValueError(f"{file} cannot be read as a picture: mend it, or take it out of the folder.") from error
    white = Image.new("RGBA", image.size, (*WHITE, 255))
    flat = Image.alpha_composite(white, image).convert("RGB")
    square = ImageOps.pad(flat, (size, size), method=Image.Resampling.LANCZOS, color=WHITE)
    return np.asarray(square).transpose(2, 0, 1)
