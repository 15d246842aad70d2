"""Pictures that stages leave for the report."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data.sheets import contact_sheet
from logoflow.report.page import Picture
from tasks.stage import Build


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
