"""Fit a picture into CRAFT's canvas: its long side to a fixed length, its own background colour around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from craft.network import MULTIPLE

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Letterbox:
    """A picture on its canvas, and the way back: picture x = (canvas x - left) / scale_x, and so for y.

    The scales differ a little because the resized sides are whole pixels.
    """

    pixels: Pixels  # [H, W, 3], H and W multiples of 32
    left: int
    top: int
    width: int  # of the picture on the canvas
    height: int
    scale_x: float
    scale_y: float


def letterbox(image: Pixels, canvas: int, border: float) -> Letterbox:
    """Resize a picture with bilinear weights (averaging where it shrinks) and centre it on its background colour.

    The canvas is no larger than the picture needs, so a wide wordmark costs a fraction of a square logo; its shape
    depends on this picture alone, so what stands beside it in a batch does not change what is found in it.

    Args:
        image: uint8 RGB `[h, w, 3]`.
        canvas: the canvas's long side in pixels.
        border: free room on each side as a share of the picture's long side; glyphs that touch the edge need it.
    """
    height, width = image.shape[:2]
    inner = canvas / (1 + 2 * border)
    scale = inner / max(height, width)
    new_height, new_width = (max(1, round(side * scale)) for side in (height, width))
    margin = inner * border

    rows, columns = (_round_up(side + 2 * margin) for side in (new_height, new_width))
    top, left = (rows - new_height) // 2, (columns - new_width) // 2
    pixels = np.empty((rows, columns, 3), np.uint8)
    pixels[:] = background_colour(image)
    resized = Image.fromarray(image).resize((new_width, new_height), Image.Resampling.BILINEAR)
    pixels[top : top + new_height, left : left + new_width] = np.asarray(resized)
    return Letterbox(pixels, left, top, new_width, new_height, new_width / width, new_height / height)


def background_colour(image: Pixels) -> Pixels:
    """Most common colour of the outermost pixels, `[3]`.

    Colours are counted in 16 levels a channel and the winner's members averaged, so that the noise of a JPEG does not
    scatter the votes; a mean or median over all of them would mix the two halves of a two-coloured edge.
    """
    edge = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    levels = (edge >> 4) @ np.array([256, 16, 1])  # each colour as one number
    members = edge[levels == np.bincount(levels).argmax()]
    colour: Pixels = members.mean(axis=0).round().astype(np.uint8)
    return colour


def _round_up(side: float) -> int:
    return -(-round(side) // MULTIPLE) * MULTIPLE
