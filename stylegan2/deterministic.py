"""What a GPU computes alike twice: on request, for torch's fastest ways to sample a picture add up in any order."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn import functional as F


@contextmanager
def deterministic(wanted: bool) -> Iterator[None]:
    """Let torch refuse what a GPU would not compute alike twice, where that is wanted."""
    before = torch.are_deterministic_algorithms_enabled()
    if wanted:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when cuBLAS is first used
        torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


def mirror_borders(images: Tensor, margin_x: int, margin_y: int) -> Tensor:
    """Add mirrored margins, smaller than the picture: `[N, C, H, W]` to `[N, C, H + 2 margin_y, W + 2 margin_x]`."""
    if not torch.are_deterministic_algorithms_enabled():
        return F.pad(images, (margin_x, margin_x, margin_y, margin_y), mode="reflect")
    height, width = images.shape[2:]
    rows = _mirrored(torch.arange(-margin_y, height + margin_y, device=images.device), 0, height - 1)
    columns = _mirrored(torch.arange(-margin_x, width + margin_x, device=images.device), 0, width - 1)
    return images[:, :, rows][:, :, :, columns]


def sample(images: Tensor, grid: Tensor, *, mirrored: bool) -> Tensor:
    """Read pictures bilinearly at the points of a grid, as `F.grid_sample` without aligned corners.

    Args:
        images: `[N, C, H, W]`.
        grid: x and y of each output pixel, -1 to 1 from border to border, `[N, H', W', 2]`.
        mirrored: the picture goes on mirrored at its borders; else it is zero outside.

    Returns:
        `[N, C, H', W']`.
    """
    if not torch.are_deterministic_algorithms_enabled():
        padding = "reflection" if mirrored else "zeros"
        return F.grid_sample(images, grid, mode="bilinear", padding_mode=padding, align_corners=False)
    height, width = images.shape[2:]
    x, y = ((grid[..., axis] + 1) * (side / 2) - 0.5 for axis, side in ((0, width), (1, height)))
    if mirrored:
        x, y = (_mirrored(place, -0.5, side - 0.5).clamp(0, side - 1) for place, side in ((x, width), (y, height)))
    left, top = x.floor(), y.floor()
    picture = torch.arange(len(images), device=images.device)[:, None, None]
    channels_last = images.permute(0, 2, 3, 1)
    total = torch.zeros_like(channels_last[:1, :1, :1])
    for row, share_y in ((top, 1 - (y - top)), (top + 1, y - top)):
        for column, share_x in ((left, 1 - (x - left)), (left + 1, x - left)):
            inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
            place = row.clamp(0, height - 1).long(), column.clamp(0, width - 1).long()
            total = total + channels_last[picture, *place] * (share_y * share_x * inside)[..., None]
    return total.permute(0, 3, 1, 2)


def _mirrored(places: Tensor, first: float, last: float) -> Tensor:
    """Fold places back between the first and the last one."""
    period = 2 * (last - first)
    folded = (places - first) % period if period else places * 0
    return torch.where(folded > period / 2, period - folded, folded) + first
