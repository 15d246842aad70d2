"""The gist of a picture: its mark cut out and reduced to a few pixels, which copies share and most others do not.

Comparing gists costs a thousandth of aligning two pictures. It does not tell copies from what is similar; it spares the
closer look at what is plainly another logo.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from neighbours.marks import marked, silhouettes, square_around

SIDE = 12
FINE = 2 * SIDE  # sampled, then averaged down
SOLID = 0.9  # share of the box's edges that is inked where a coloured margin, or a badge, surrounds the mark
AT_ONCE = 1024


@dataclass(frozen=True)
class Gists:
    """Gists of pictures.

    Attributes:
        marks: what is not paper, 0..255, the longer side of the mark filling the square, uint8 `[N, C SIDE SIDE]`:
            bytes, so that those of a million pictures fit in memory.
        framed: whether ink runs all around the box, as after padding by another colour than white, bool `[N]`.
    """

    marks: NDArray[np.uint8]
    framed: NDArray[np.bool_]

    def distances(self, first: NDArray[np.int64], other: Gists, second: NDArray[np.int64]) -> NDArray[np.float32]:
        """Root mean square difference, 0..1, of the rows `first` and the rows `second` of others, `[P]` each.

        It is 0 where only one of the two is framed: without its frame it may be the other.
        """
        found = np.empty(len(first), np.float32)
        for start in range(0, len(first), 64 * AT_ONCE):
            part = slice(start, start + 64 * AT_ONCE)
            difference = self.marks[first[part]].astype(np.float32) - other.marks[second[part]]
            found[part] = np.sqrt(np.einsum("nd,nd->n", difference, difference) / self.marks.shape[1]) / 255
        found[self.framed[first] != other.framed[second]] = 0
        return found


def gists(thumbnails: NDArray[np.uint8], channels: int = 3) -> Gists:
    """The gist of each picture.

    Args:
        thumbnails: uint8 `[N, 3, S, S]`, aspect kept, centred on white; may be memory-mapped.
        channels: 3 for colours; 1 for the silhouette, which says where there is ink, whatever its colour.
    """
    marks = np.empty((len(thumbnails), channels * SIDE * SIDE), np.uint8)
    framed = np.empty(len(thumbnails), bool)
    for start in range(0, len(thumbnails), AT_ONCE):
        ink = 1 - torch.from_numpy(np.array(thumbnails[start : start + AT_ONCE])) / 255
        ink = silhouettes(ink) if channels == 1 else ink
        inked, columns, rows = marked(ink)
        theta = square_around(columns, rows, ink.shape[-1])
        grid = F.affine_grid(theta, [len(ink), channels, FINE, FINE], align_corners=False)
        part = slice(start, start + len(ink))
        reduced = F.avg_pool2d(F.grid_sample(ink, grid, align_corners=False), 2).flatten(1)
        marks[part] = (reduced * 255).round().to(torch.uint8).numpy()
        framed[part] = (_solidity(inked, columns, rows) >= SOLID).numpy()
    return Gists(marks, framed)


def _solidity(inked: Tensor, columns: Tensor, rows: Tensor) -> Tensor:
    """How much of the least inked edge of each box is inked, 0..1, `[N]`."""
    across = inked.sum(dim=2).gather(1, torch.stack([rows[:, 0], rows[:, 1] - 1], dim=1)) / columns.diff(dim=1)
    down = inked.sum(dim=1).gather(1, torch.stack([columns[:, 0], columns[:, 1] - 1], dim=1)) / rows.diff(dim=1)
    return torch.cat([across, down], dim=1).amin(dim=1)
