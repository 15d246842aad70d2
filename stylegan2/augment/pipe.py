"""The augmentation pipe: which operations, in which order, on a batch of images."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

from stylegan2.augment.bands import amplify_bands, band_gains
from stylegan2.augment.color import COLOR, apply_color, color_matrices
from stylegan2.augment.corruption import add_noise, cut_out
from stylegan2.augment.draws import Draws
from stylegan2.augment.geometry import BLIT, GEOMETRY, inverse_matrices
from stylegan2.augment.warp import WARPS, Warp

FILTER, NOISE, CUTOUT = ("imgfilter",), ("noise",), ("cutout",)
OPERATIONS = (*BLIT, *GEOMETRY, *COLOR, *FILTER, *NOISE, *CUTOUT)
PIPES: dict[str, tuple[str, ...]] = {
    "blit": BLIT,
    "geom": GEOMETRY,
    "color": COLOR,
    "filter": FILTER,
    "noise": NOISE,
    "cutout": CUTOUT,
    "bg": BLIT + GEOMETRY,
    "bgc": BLIT + GEOMETRY + COLOR,
    "bgcf": BLIT + GEOMETRY + COLOR + FILTER,
    "bgcfn": BLIT + GEOMETRY + COLOR + FILTER + NOISE,
    "bgcfnc": BLIT + GEOMETRY + COLOR + FILTER + NOISE + CUTOUT,
}


def augment(
    images: Tensor, strength: Tensor, draws: Draws, operations: Collection[str], geometry: str = "reference"
) -> Tensor:
    """Apply each operation to each image with probability p; twice differentiable in the images.

    Args:
        images: `[N, C, H, W]`, -1 to 1; 1, 3 or 4 channels.
        strength: p, scalar; with p = 0 the images come back unchanged to the bit.
        draws: where the random numbers come from, for N images.
        operations: names from `OPERATIONS`, such as `PIPES["bgc"]`; their order is fixed.
        geometry: how moved pixels are read, "reference" or "bilinear".

    Returns:
        `[N, C, H, W]`.
    """
    height, width = images.shape[2:]
    if not set(operations).isdisjoint(BLIT + GEOMETRY):
        matrices = inverse_matrices(operations, strength, draws, width, height).to(images.dtype)
        images = _move(images, matrices, WARPS[geometry])
    if not set(operations).isdisjoint(COLOR):
        matrices = color_matrices(operations, strength, draws, images.shape[1]).to(images.dtype)
        images = apply_color(images, matrices)
    if "imgfilter" in operations:
        gains = band_gains(strength, draws).to(images.dtype)
        flat = (gains == 1).all(dim=1)
        images = torch.where(flat[:, None, None, None], images, amplify_bands(images, gains))
    if "noise" in operations:
        images = add_noise(images, strength, draws)
    if "cutout" in operations:
        images = cut_out(images, strength, draws)
    return images


def _move(images: Tensor, matrices: Tensor, warp: Warp) -> Tensor:
    """Warp the images that a matrix moves at all."""
    moved = (matrices != torch.eye(3, dtype=matrices.dtype, device=matrices.device)).flatten(1).any(dim=1)
    if images.device.type != "cpu":  # counting the moved ones would make the host wait for the device
        return torch.where(moved[:, None, None, None], warp(images, matrices), images)
    if not moved.any():
        return images
    chosen = moved.nonzero().squeeze(1)
    return images.index_copy(0, chosen, warp(images[chosen], matrices[chosen]))
