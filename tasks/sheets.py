"""Pictures that stages leave for the report."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data.sheets import contact_sheet
from logoflow.report.page import Picture
from tasks.stage import Build

WALL_COLUMNS, WALL_ROWS, WALL_TILE = 12, 20, 48


def save_sheet(
    build: Build,
    file: str,
    title: str,
    images: Sequence[NDArray[np.uint8]],
    captions: Sequence[str] | None = None,
    caption: str = "",
    columns: int = 12,
    tile: int = 80,
) -> Picture:
    """Lay pictures `[H, W, 3]` out on a contact sheet in the stage's folder."""
    sheet = contact_sheet(images, columns, tile, captions)
    return save_picture(build, file, title, sheet, alt=f"{title}: {len(images)} logos in rows", caption=caption)


def save_picture(build: Build, file: str, title: str, image: Image.Image, alt: str, caption: str = "") -> Picture:
    """Write a picture into the stage's folder."""
    path = build.folder / "pictures" / file
    path.parent.mkdir(exist_ok=True)
    image.save(path, optimize=True)
    return Picture(f"pictures/{file}", title, alt, caption)


def save_walls(
    build: Build, stem: str, title: str, pixels: NDArray[np.uint8], members: NDArray[np.int64], caption: str
) -> tuple[Picture, ...]:
    """Lay some of the pictures `[N, C, S, S]` out, however many, on sheets of 240 that load one by one."""
    folder = build.folder / "pictures"
    folder.mkdir(exist_ok=True)
    pictures = []
    size = WALL_COLUMNS * WALL_ROWS
    for first in range(0, len(members), size):
        block = [pixels[row].transpose(1, 2, 0) for row in members[first : first + size]]
        sheet = contact_sheet(block, WALL_COLUMNS, WALL_TILE)
        file = f"pictures/{stem}-{first // size:03}.webp"
        sheet.save(build.folder / file, quality=80)
        alt = f"{title}: {first + 1} to {first + len(block)}"
        pictures.append(Picture(file, title, alt, caption))
    return tuple(pictures)
