"""Where the mark of a picture is: what is drawn on the paper, without the paper around it."""

from __future__ import annotations

import torch
from torch import Tensor

INK = 0.3  # a pixel of the mark has more than this share of the strongest; JPEG leaves fainter traces around it
SOLID = 0.5  # a pixel with this share of the strongest counts as much in a silhouette


def marked(ink: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Find the marks of pictures.

    Args:
        ink: what is not paper, 0..1, `[N, C, S, S]`.

    Returns:
        Which pixels belong to the mark, bool `[N, S, S]`, and the columns and rows of the box around it, each as the
        first and one past the last, `[N, 2]`; a picture without a mark is all box.
    """
    strength = ink.amax(dim=1)
    inked = strength > INK * strength.amax(dim=(1, 2), keepdim=True)
    return inked, _extent(inked.any(dim=1)), _extent(inked.any(dim=2))


def silhouettes(ink: Tensor) -> Tensor:
    """Where there is ink, whatever its colour: 1 from half of a picture's strongest on, 0 on paper.

    Args:
        ink: what is not paper, 0..1, `[N, C, S, S]`.

    Returns:
        0..1, `[N, 1, S, S]`.
    """
    strength = ink.amax(dim=1, keepdim=True)
    return (strength / (SOLID * strength.amax(dim=(2, 3), keepdim=True)).clamp_min(1e-3)).clamp(max=1)


def square_around(columns: Tensor, rows: Tensor, side: int) -> Tensor:
    """The square around boxes given by their extents `[N, 2]`, as sampling matrices `[N, 2, 3]`."""
    theta = torch.zeros(len(columns), 2, 3)
    theta[:, 0, 2], theta[:, 1, 2] = columns.sum(dim=1) / side - 1, rows.sum(dim=1) / side - 1
    theta[:, 0, 0] = theta[:, 1, 1] = torch.maximum(columns.diff(dim=1), rows.diff(dim=1))[:, 0] / side
    return theta


def _extent(line: Tensor) -> Tensor:
    """First and one past the last true element of each line `[N, S]`, `[N, 2]`; the whole line without any."""
    line = line | ~line.any(dim=1, keepdim=True)
    return torch.stack([line.int().argmax(dim=1), line.shape[1] - line.flip(1).int().argmax(dim=1)], dim=1)
