"""Pictures of pictures: batches laid out in rows and columns, written as PNG."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from stylegan2.files import write_atomically
from stylegan2.generator import Generator
from stylegan2.streams import stream

GAP = 1  # white pixels between pictures
GRID_COLUMNS = 8


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


@torch.no_grad()
def fixed_samples(generator: Generator, seed: int) -> NDArray[np.uint8]:
    """Pictures of latents that the seed alone decides: a row for each class, or 8 rows; uint8 `[N, C, H, W]`."""
    settings, device = generator.settings, generator.w_avg.device
    pictures = []
    for row in range(settings.classes or GRID_COLUMNS):
        random = stream(seed, "grid", 0 if settings.classes else row)  # all classes show the same latents
        z = torch.randn(GRID_COLUMNS, settings.z_dim, generator=random).to(device)
        labels = torch.full((GRID_COLUMNS,), row, device=device) if settings.classes else None
        pictures.append(generator(z, labels))
    return to_uint8(torch.cat(pictures))


def examples(images: NDArray[np.uint8], labels: NDArray[np.int64] | None, classes: int) -> NDArray[np.uint8]:
    """Real images laid out as `fixed_samples`; a class without images has no row. uint8 `[N, C, H, W]`."""
    if labels is None or not classes:
        return np.asarray(images[: GRID_COLUMNS**2])
    rows = [np.resize(np.flatnonzero(labels == label), GRID_COLUMNS) for label in np.unique(labels)]
    return np.stack([images[index] for row in rows for index in row])


def save_grid(path: Path, images: NDArray[np.uint8], columns: int) -> None:
    """Write uint8 `[N, C, H, W]` as one PNG; gray, RGB or RGBA."""
    path.parent.mkdir(exist_ok=True)
    sheet = tile(images, columns)
    picture = Image.fromarray(sheet[:, :, 0] if sheet.shape[2] == 1 else sheet)
    write_atomically(path, lambda aside: picture.save(aside, format="PNG"))
