"""Pictures described as copies of one another are looked for: by vectors, thumbnails and sizes."""

from collections.abc import Sequence

import numpy as np

from data.images import Pixels
from data.pixels import fit_squares
from moco.encoder import Encoder, embed
from neighbours.described import Described
from tasks.device import NETWORK

THUMBNAIL = 64  # px


def describe(pictures: Sequence[Pixels], encoder: Encoder, device: str = "cpu") -> Described:
    """Describe pictures, RGB `[H, W, 3]` on white."""
    squares = fit_squares(pictures, encoder.settings.resolution)
    with NETWORK:
        vectors = embed(encoder, squares, device=device)
    sizes = np.array([picture.shape[1::-1] for picture in pictures], np.int64)
    return Described(vectors, fit_squares(pictures, THUMBNAIL), sizes)
