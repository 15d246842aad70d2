"""However many pictures, on sheets that a report loads one by one."""

import numpy as np
from numpy.typing import NDArray

from data.sheets import contact_sheet
from logoflow.report.page import Picture
from tasks.stage import Build

COLUMNS, ROWS, TILE = 12, 20, 48


def save_walls(
    build: Build, stem: str, title: str, pixels: NDArray[np.uint8], members: NDArray[np.int64], caption: str
) -> tuple[Picture, ...]:
    """Lay some of the pictures `[N, C, S, S]` out, however many, on sheets of 240 that load one by one."""
    folder = build.folder / "pictures"
    folder.mkdir(exist_ok=True)
    pictures = []
    size = COLUMNS * ROWS
    for first in range(0, len(members), size):
        block = [pixels[row].transpose(1, 2, 0) for row in members[first : first + size]]
        sheet = contact_sheet(block, COLUMNS, TILE)
        file = f"pictures/{stem}-{first // size:03}.webp"
        sheet.save(build.folder / file, quality=80)
        alt = f"{title}: {first + 1} to {first + len(block)}"
        pictures.append(Picture(file, title, alt, caption))
    return tuple(pictures)
