"""From rows of the image table to the square uint8 arrays that networks eat."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data.images import ADMITTED, RGB, WHITE, Pixels, decode, flatten
from data.table import Picture


def rgb(picture: Picture, background: RGB = WHITE) -> Pixels:
    """The picture of a row, decoded and composited over the background, RGB `[H, W, 3]`."""
    return flatten(decode(picture.data, ADMITTED).pixels, background)


def thumbnail_square(image: Image.Image, size: int, background: RGB = WHITE) -> Pixels:
    """Fit a picture into a square to look at: aspect kept, centred, padded with the background.

    The long side becomes `size` px, by antialiased bicubic resampling, up or down.

    Args:
        image: mode RGB.
        size: side of the square in px.
        background: colour of the padding, 0 to 255 per channel.

    Returns:
        Pixels `[size, size, 3]`.
    """
    width, height = _fitted(image.width, image.height, size)
    canvas = Image.new("RGB", (size, size), background)
    resized = image.resize((width, height), Image.Resampling.BICUBIC) if image.size != (width, height) else image
    canvas.paste(resized, ((size - width) // 2, (size - height) // 2))
    return np.array(canvas)


def load_square(rows: Sequence[Picture], size: int, background: RGB = WHITE) -> NDArray[np.uint8]:
    """Decode rows into one array of squares, `[N, 3, size, size]`, RGB."""
    squares = np.empty((len(rows), 3, size, size), np.uint8)
    for square, row in zip(squares, rows, strict=True):
        square[:] = fit_rgb(decode(row.data, ADMITTED).pixels, size, background)
    return squares


def fit_squares(pictures: Sequence[Pixels], size: int) -> NDArray[np.uint8]:
    """Fit decoded pictures into squares on white, `[N, 3, size, size]`."""
    return np.stack([fit_rgb(picture, size) for picture in pictures])


def fit_rgb(pixels: Pixels, size: int, background: RGB = WHITE) -> NDArray[np.uint8]:
    """Fit a decoded picture into a square, `[3, size, size]`: composited, aspect kept, centred, padded.

    Resampled as `thumbnail_square` does, by torch, which takes a third of the time.
    """
    square = np.empty((3, size, size), np.uint8)
    square[:] = np.array(background, np.uint8)[:, None, None]
    _fit(flatten(pixels, background), square)
    return square


def fit_rgba(pixels: Pixels, size: int) -> NDArray[np.uint8]:
    """Fit a decoded picture into a square that keeps its alpha, `[4, size, size]`, padded with nothing."""
    square = np.zeros((4, size, size), np.uint8)
    straight = np.array(Image.fromarray(pixels).convert("RGBA"))
    # Colours count by how much they cover, or what is invisible would bleed into the edges.
    straight[..., :3] = (straight[..., :3] * straight[..., 3:].astype(np.uint16) + 127) // 255
    _fit(straight, square)
    cover = np.maximum(square[3:].astype(np.uint16), 1)
    square[:3] = np.minimum((square[:3] * np.uint16(255) + cover // 2) // cover, 255)
    return square


def _fit(pixels: Pixels, square: NDArray[np.uint8]) -> None:
    """Resize `[H, W, C]` into the middle of a square `[C, S, S]`, in place."""
    import torch  # takes seconds to load, and only who makes training arrays needs it

    size = square.shape[1]
    height, width = pixels.shape[:2]
    width_to, height_to = _fitted(width, height, size)
    fitted = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None]  # torch takes neither read-only nor mirrored arrays
    if (width, height) != (width_to, height_to):
        fitted = torch.nn.functional.interpolate(fitted, (height_to, width_to), mode="bicubic", antialias=True)
    left, top = (size - width_to) // 2, (size - height_to) // 2
    square[:, top : top + height_to, left : left + width_to] = fitted[0].numpy()


def _fitted(width: int, height: int, size: int) -> tuple[int, int]:
    """Width and height of a picture whose long side becomes `size`."""
    scale = size / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))
