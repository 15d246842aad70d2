"""Blit and geometry: flips, turns, shifts and scales of an image become one matrix, which is then sampled once.

Coordinates are pixels from the centre of the image, x to the right and y down, homogeneous: (x, y, 1). The matrix is
the inverse of what happens to the image: it says where each output pixel is read.
"""

from __future__ import annotations

from collections.abc import Collection
from math import pi

import torch
from torch import Tensor

from stylegan2.augment.draws import Draws

BLIT = ("xflip", "rotate90", "xint")
GEOMETRY = ("scale", "rotate", "aniso", "xfrac")

SHIFT = 0.125  # of the image's side: bound of the integer shift, deviation of the fractional one
SCALE = 0.2  # deviation of the binary logarithm


def inverse_matrices(operations: Collection[str], strength: Tensor, draws: Draws, width: int, height: int) -> Tensor:
    """Draw the operations and compose the inverses of those that are applied, in the published order.

    Args:
        operations: some of `BLIT` and `GEOMETRY`.
        strength: p, the probability of each, scalar.
        draws: where the random numbers come from, for N images.
        width: of the images.
        height: of the images.

    Returns:
        `[N, 3, 3]`; exactly the identity for an image to which nothing is applied.
    """
    matrix = torch.eye(3, dtype=torch.float64, device=strength.device)

    if "xflip" in operations:
        flip = _gate(draws, strength, draws.choice(2), 0.0)
        matrix = matrix @ scaling(1 - 2 * flip, torch.ones_like(flip))
    if "rotate90" in operations:
        matrix = matrix @ quarter_turns(_gate(draws, strength, draws.choice(4), 0.0))
    if "xint" in operations:
        x, y = (draws.uniform(-SHIFT, SHIFT) for _ in range(2))
        applied = draws.applied(strength)
        matrix = matrix @ shift(-torch.round(x * applied * width), -torch.round(y * applied * height))

    if "scale" in operations:
        scale = torch.exp2(_gate(draws, strength, draws.normal(SCALE), 0.0))
        matrix = matrix @ scaling(1 / scale, 1 / scale)
    # Turning before and after, each with this probability, leaves no turn at all with probability 1 - p.
    turning = 1 - (1 - strength).clamp(0, 1).sqrt()
    if "rotate" in operations:
        matrix = matrix @ rotation(_gate(draws, turning, draws.uniform(-pi, pi), 0.0))
    if "aniso" in operations:
        scale = torch.exp2(_gate(draws, strength, draws.normal(SCALE), 0.0))
        matrix = matrix @ scaling(1 / scale, scale)
    if "rotate" in operations:
        matrix = matrix @ rotation(_gate(draws, turning, draws.uniform(-pi, pi, again=True), 0.0))
    if "xfrac" in operations:
        x, y = (draws.normal(SHIFT) for _ in range(2))
        applied = draws.applied(strength)
        matrix = matrix @ shift(-x * applied * width, -y * applied * height)
    return matrix


def scaling(x: Tensor, y: Tensor) -> Tensor:
    """Scale the axes by `x` and `y`, `[N]` each: `[N, 3, 3]`."""
    return _matrix([x, 0, 0], [0, y, 0])


def rotation(angle: Tensor) -> Tensor:
    """Turn by `angle` radians, `[N]`: `[N, 3, 3]`."""
    cos, sin = angle.cos(), angle.sin()
    return _matrix([cos, -sin, 0], [sin, cos, 0])


def quarter_turns(count: Tensor) -> Tensor:
    """Turn by `count` right angles, `[N]`, in whole numbers, so that pixels fall on pixels: `[N, 3, 3]`."""
    cos, sin = (count * (pi / 2)).cos().round(), (count * (pi / 2)).sin().round()
    return _matrix([cos, -sin, 0], [sin, cos, 0])


def shift(x: Tensor, y: Tensor) -> Tensor:
    """Move by `x` and `y` pixels, `[N]` each: `[N, 3, 3]`."""
    return _matrix([1, 0, x], [0, 1, y])


def _matrix(first: list[Tensor | float], second: list[Tensor | float]) -> Tensor:
    entries = [*first, *second, 0.0, 0.0, 1.0]
    like = next(entry for entry in entries if isinstance(entry, Tensor))
    full = [entry if isinstance(entry, Tensor) else torch.full_like(like, entry) for entry in entries]
    return torch.stack(full, dim=1).reshape(-1, 3, 3)


def _gate(draws: Draws, probability: Tensor, value: Tensor, identity: float) -> Tensor:
    return torch.where(draws.applied(probability), value, torch.full_like(value, identity))
