"""The training set as one zip of PNG files with dataset.json, as StyleGAN tools make and read it."""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.png import encode_png

# The first moment that a zip can name: equal pictures give equal bytes whenever they are written.
_WHEN = (1980, 1, 1, 0, 0, 0)


def write_zip(path: Path, pixels: NDArray[np.uint8], names: Sequence[str], labels: Sequence[int]) -> None:
    """Write pictures as PNG, without loss, and their labels.

    Args:
        path: of the zip.
        pixels: `[N, 3 or 4, H, W]`, RGB or RGBA.
        names: of the pictures in the zip, without suffix; each once.
        labels: class of each.
    """
    with zipfile.ZipFile(path, "w") as archive:
        for image, name in zip(pixels, names, strict=True):
            archive.writestr(zipfile.ZipInfo(f"{name}.png", _WHEN), encode_png(image.transpose(1, 2, 0)))
        archive.writestr(zipfile.ZipInfo("dataset.json", _WHEN), dataset_json(names, labels))


def dataset_json(names: Sequence[str], labels: Sequence[int]) -> str:
    """The file beside the pictures that says the class of each."""
    return json.dumps({"labels": [[f"{name}.png", int(label)] for name, label in zip(names, labels, strict=True)]})
