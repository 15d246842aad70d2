"""From rows of the image table to the square uint8 arrays that networks eat."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data.images import ADMITTED, RGB, WHITE, decode, flatten
from data.table import Picture


def rgb(picture: Picture, background: RGB = WHITE) -> Image.Image:
    """The picture of a row, decoded and composited over the background, mode RGB."""
    return flatten(decode(picture.data, ADMITTED), background)


def thumbnail_square(image: Image.Image, size: int, background: RGB = WHITE) -> NDArray[np.uint8]:
    """Fit a picture into a square: aspect kept, centred, padded with the background.

    The long side becomes `size` px, by antialiased bicubic resampling, up or down.

    Args:
        image: mode RGB.
        size: side of the square in px.
        background: colour of the padding, 0 to 255 per channel.

    Returns:
        Pixels `[size, size, 3]`.
    """
    scale = size / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    canvas = Image.new("RGB", (size, size), background)
    resized = image.resize((width, height), Image.Resampling.BICUBIC) if image.size != (width, height) else image
    canvas.paste(resized, ((size - width) // 2, (size - height) // 2))
    return np.array(canvas)


def load_square(rows: Sequence[Picture], size: int, background: RGB = WHITE) -> NDArray[np.uint8]:
    """Decode rows into one array of squares, `[N, 3, size, size]`, RGB."""
    squares = np.empty((len(rows), 3, size, size), np.uint8)
    for square, row in zip(squares, rows, strict=True):
        square[:] = thumbnail_square(rgb(row, background), size, background).transpose(2, 0, 1)
    return squares
