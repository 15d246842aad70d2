"""Style mixing: some layers follow one picture, the others another (Karras et al. 2019, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def mixed(rows: Tensor, columns: Tensor, layers: Sequence[int]) -> Tensor:
    """Give each row's w each column's in some layers.

    Args:
        rows: pictures that keep the other layers, `[R, L, w_dim]`.
        columns: pictures that give `layers`, `[C, L, w_dim]`.
        layers: indices; low ones are coarse (shape), high ones fine (colour).

    Returns:
        `[R, C, L, w_dim]`.
    """
    taken = torch.zeros(rows.shape[1], 1, dtype=torch.bool, device=rows.device)
    taken[list(layers)] = True
    return torch.where(taken, columns[None], rows[:, None])
