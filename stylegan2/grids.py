"""Pictures of pictures: batches laid out in rows and columns, written as PNG."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from stylegan2.files import write_atomically

GAP = 1  # white pixels between pictures


def to_uint8(images: Tensor) -> NDArray[np.uint8]:
    """Pictures `[N, C, H, W]` in -1 to 1, clipped, to uint8 in 0 to 255."""
    values: NDArray[np.uint8] = ((images.float() + 1) * 127.5).round().clamp(0, 255).byte().cpu().numpy()
    return values


def tile(images: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    """Lay out uint8 `[N, C, H, W]`, row by row, on white: `[H', W', C]`."""
    count, channels, height, width = images.shape
    rows = -(-count // columns)
    sheet = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, channels), 255, dtype=np.uint8)
    for index, image in enumerate(images):
        top, left = index // columns * (height + GAP), index % columns * (width + GAP)
        sheet[top : top + height, left : left + width] = image.transpose(1, 2, 0)
    return sheet


def save_grid(path: Path, images: NDArray[np.uint8], columns: int) -> None:
    """Write uint8 `[N, C, H, W]` as one PNG; gray, RGB or RGBA."""
    sheet = tile(images, columns)
    picture = Image.fromarray(sheet[:, :, 0] if sheet.shape[2] == 1 else sheet)
    write_atomically(path, lambda aside: picture.save(aside, format="PNG"))
