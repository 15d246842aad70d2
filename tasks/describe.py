"""Pictures described as copies of one another are looked for: by vectors, thumbnails and sizes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from data.images import Pixels
from data.pixels import fit_squares
from moco.encoder import Encoder, embed
from neighbours.described import Described
from neighbours.likeness import View
from neighbours.outlines import outlines
from tasks.device import NETWORK

THUMBNAIL = 64  # px


def describe(pictures: Sequence[Pixels], encoder: Encoder, device: str = "cpu") -> Described:
    """Describe pictures, RGB `[H, W, 3]` on white."""
    return _described(pictures, fit_squares(pictures, encoder.settings.resolution), encoder, device)


def view(pictures: Sequence[Pixels], encoder: Encoder, device: str = "cpu") -> View:
    """Describe pictures, RGB `[H, W, 3]` on white, as `neighbours.likeness` looks for them: with their outlines."""
    squares = fit_squares(pictures, encoder.settings.resolution)
    return View(_described(pictures, squares, encoder, device), outlines(squares))


def _described(pictures: Sequence[Pixels], squares: NDArray[np.uint8], encoder: Encoder, device: str) -> Described:
    with NETWORK:
        vectors = embed(encoder, squares, device=device)
    sizes = np.array([picture.shape[1::-1] for picture in pictures], np.int64)
    return Described(vectors, fit_squares(pictures, THUMBNAIL), sizes)
