"""Colour: brightness, contrast, luma flip, hue and saturation become one matrix on (red, green, blue, 1)."""

from __future__ import annotations

from collections.abc import Collection
from math import pi, sqrt

import torch
from torch import Tensor
from torch.nn import functional as F

from stylegan2.augment.draws import Draws

COLOR = ("brightness", "contrast", "lumaflip", "hue", "saturation")

BRIGHTNESS = 0.2  # deviation, where the range from black to white is 2
CONTRAST = 0.5  # deviation of the binary logarithm
SATURATION = 1.0  # deviation of the binary logarithm


def color_matrices(operations: Collection[str], strength: Tensor, draws: Draws, channels: int) -> Tensor:
    """Draw the operations and compose those that are applied, in the published order.

    Args:
        operations: some of `COLOR`; hue and saturation are left out for gray images.
        strength: p, the probability of each, scalar.
        draws: where the random numbers come from, for N images.
        channels: of the images.

    Returns:
        `[N, 4, 4]`; exactly the identity for an image to which nothing is applied.
    """
    eye = torch.eye(4, dtype=torch.float64, device=strength.device)
    rgb = F.pad(eye[:3, :3], (0, 1, 0, 1))  # made on the device: to copy numbers there would make the host wait
    gray = rgb.diagonal() / sqrt(3)  # the luma axis
    along = torch.outer(gray, gray)  # projects on it
    matrix = eye[None]

    if "brightness" in operations:
        amount = draws.normal(BRIGHTNESS) * draws.applied(strength)
        white = torch.zeros_like(eye)
        white[:3, 3] = 1
        matrix = (eye + amount[:, None, None] * white) @ matrix
    if "contrast" in operations:
        factor = torch.exp2(draws.normal(CONTRAST) * draws.applied(strength))
        matrix = (eye + (factor - 1)[:, None, None] * rgb) @ matrix
    if "lumaflip" in operations:
        flip = draws.choice(2) * draws.applied(strength)
        matrix = (eye - 2 * flip[:, None, None] * along) @ matrix
    if "hue" in operations and channels > 1:
        matrix = _turn(draws.uniform(-pi, pi) * draws.applied(strength)) @ matrix
    if "saturation" in operations and channels > 1:
        factor = torch.exp2(draws.normal(SATURATION) * draws.applied(strength))
        matrix = (eye + (factor - 1)[:, None, None] * (rgb - along)) @ matrix
    return matrix


def apply_color(images: Tensor, matrices: Tensor) -> Tensor:
    """Transform `[N, C, H, W]` by `[N, 4, 4]`; gray images by the mean over the matrix's rows; alpha stays."""
    if images.shape[1] == 1:
        rows = matrices[:, :3].mean(dim=1)  # [N, 4]
        return images * rows[:, :3].sum(dim=1)[:, None, None, None] + rows[:, 3][:, None, None, None]
    color, alpha = images[:, :3], images[:, 3:]
    color = torch.einsum("nij,njhw->nihw", matrices[:, :3, :3], color) + matrices[:, :3, 3][:, :, None, None]
    return torch.cat([color, alpha], dim=1)


def _turn(angle: Tensor) -> Tensor:
    """Rotation about the luma axis by `angle`, `[N]`: `[N, 4, 4]` (Rodrigues' formula)."""
    eye = torch.eye(4, dtype=angle.dtype, device=angle.device)
    next_axis = eye[:3, :3].roll(1, dims=1)  # red to green to blue to red
    cross = F.pad(next_axis.T - next_axis, (0, 1, 0, 1)) / sqrt(3)
    angle = angle[:, None, None]
    return eye + angle.sin() * cross + (1 - angle.cos()) * (cross @ cross)
