"""The outlines of a mark: which way its edges run, part by part (histograms of gradients; Dalal and Triggs 2005).

Two drawings of one logo share them where their colours differ, and a light mark on a dark page has those of a dark one
on a light page. An encoder that learns to tell every picture from every other sees colours first; beside its vectors,
outlines bring together what people call alike.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from neighbours.marks import marked, square_around

CELLS = 4  # parts along each side
DIRECTIONS = 9
LENGTH = DIRECTIONS * CELLS**2
MARGIN = 1.1  # side of the square that is looked at, over the mark's: its outer edges lie inside
AT_ONCE = 512


def outlines(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Unit vectors `[N, 144]` of pictures, uint8 `[N, 3, S, S]` on white; zeros where nothing is drawn."""
    found = np.empty((len(pictures), LENGTH), np.float32)
    for start in range(0, len(pictures), AT_ONCE):
        part = torch.from_numpy(np.array(pictures[start : start + AT_ONCE])) / 255
        found[start : start + AT_ONCE] = _outlines(_cut_out(part)).numpy()
    return found


def _cut_out(pictures: Tensor) -> Tensor:
    """The mark of each picture, at the picture's size: a margin of paper around it makes no difference."""
    columns, rows = marked(1 - pictures)[1:]
    theta = square_around(columns, rows, pictures.shape[-1])
    theta[:, 0, 0] *= MARGIN
    theta[:, 1, 1] *= MARGIN
    grid = F.affine_grid(theta, list(pictures.shape), align_corners=False)
    return 1 - F.grid_sample(1 - pictures, grid, align_corners=False)  # zeros outside become white


def _outlines(pictures: Tensor) -> Tensor:
    # The channel in which a pixel's gradient is steepest speaks for it.
    around = F.pad(pictures, (1, 1, 1, 1), mode="replicate")
    across = around[:, :, 1:-1, 2:] - around[:, :, 1:-1, :-2]
    down = around[:, :, 2:, 1:-1] - around[:, :, :-2, 1:-1]
    steepest = (across.square() + down.square()).argmax(dim=1, keepdim=True)
    across, down = (gradient.gather(1, steepest)[:, 0] for gradient in (across, down))

    # Its strength goes to the two directions nearest to its own, of nine in half a turn: polarity does not count.
    turn = torch.atan2(down, across).remainder(math.pi) / math.pi * DIRECTIONS
    apart = (turn[:, None] - torch.arange(DIRECTIONS)[:, None, None]).remainder(DIRECTIONS)
    share = (1 - torch.minimum(apart, DIRECTIONS - apart)).clamp(min=0)  # [N, DIRECTIONS, S, S]
    strength = share * torch.hypot(across, down)[:, None]

    # And to the cells around it. Roots keep a few strong edges from being all that counts.
    cells = _cell_weights(pictures.shape[-1])
    histogram = torch.einsum("nbyx,cy,dx->nbcd", strength, cells, cells).flatten(1).sqrt()
    return F.normalize(histogram - histogram.mean(dim=1, keepdim=True), dim=1)


def _cell_weights(side: int) -> Tensor:
    """How much each of the pixels along a side belongs to each cell, `[CELLS, side]`: linear between their centres."""
    place = (torch.arange(side) + 0.5) / side * CELLS - 0.5
    return (1 - (place - torch.arange(CELLS)[:, None]).abs()).clamp(min=0)
