"""Corruption: additive noise and a square hole."""

from __future__ import annotations

import torch
from torch import Tensor

from stylegan2.augment.draws import Draws

NOISE = 0.1  # deviation of the noise's own deviation
HOLE = 0.5  # side of the hole, of the image's side


def add_noise(images: Tensor, strength: Tensor, draws: Draws) -> Tensor:
    """Add normal noise of a random strength to the colours of `[N, C, H, W]`; alpha stays."""
    sigma = (draws.normal(NOISE).abs() * draws.applied(strength)).to(images.dtype)
    noise = draws.noise(images[:, :3].shape[1:]).to(images.dtype)
    color = images[:, :3] + sigma[:, None, None, None] * noise
    return torch.cat([color, images[:, 3:]], dim=1)


def cut_out(images: Tensor, strength: Tensor, draws: Draws) -> Tensor:
    """Set a square of half the side, with a uniformly drawn centre, to 0 (mid-gray) in `[N, C, H, W]`."""
    side = HOLE * draws.applied(strength)
    centre_x, centre_y = draws.uniform(0, 1), draws.uniform(0, 1)
    beyond_x = _distance(images.shape[3], centre_x) >= side[:, None] / 2  # [N, W]
    beyond_y = _distance(images.shape[2], centre_y) >= side[:, None] / 2  # [N, H]
    return images * (beyond_x[:, None, None, :] | beyond_y[:, None, :, None])


def _distance(pixels: int, centre: Tensor) -> Tensor:
    return ((torch.arange(pixels, device=centre.device) + 0.5) / pixels - centre[:, None]).abs()
