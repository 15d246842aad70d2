"""Directions of w in which pictures change most, found without labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stylegan2.generator import Generator
from stylegan2.layers import EqualizedLinear
from stylegan2.streams import stream

SAMPLES = 10_000


@dataclass(frozen=True)
class Directions:
    """Orthogonal directions, the strongest first.

    Attributes:
        vectors: unit vectors `[K, w_dim]`; the largest component of each is positive.
        deviations: standard deviation of w along each, `[K]`: a step of natural size.
        shares: of what the method ranks by, the share of each, `[K]`.
    """

    vectors: Tensor
    deviations: Tensor
    shares: Tensor


def principal_directions(generator: Generator, count: int, classes: Sequence[int] | None = None) -> Directions:
    """Principal components of w, less the mean of its class (Härkönen et al. 2020).

    Args:
        generator: from `load_generator`.
        count: directions, at most w_dim.
        classes: those that w is sampled from, in turn; None for all.

    Returns:
        The directions; `shares` are of the variance.
    """
    covariance = _covariance(generator, classes)
    values, vectors = torch.linalg.eigh(covariance)
    return _strongest(values, vectors, covariance, count)


def factorised_directions(
    generator: Generator, count: int, layers: Sequence[int] | None = None, classes: Sequence[int] | None = None
) -> Directions:
    """Directions that the style layers amplify most, in closed form (SeFa; Shen and Zhou 2021, eq. 7).

    They are the eigenvectors of A^T A with the largest eigenvalues, A being the layers' affine maps from w to styles,
    one below the other. No picture is drawn for them.

    Args:
        generator: from `load_generator`.
        count: directions, at most w_dim.
        layers: whose affine maps are factorised; None for all.
        classes: of the w by which `deviations` are measured.

    Returns:
        The directions; `shares` are of the sum of all eigenvalues.
    """
    style = style_matrix(generator, range(generator.settings.layers) if layers is None else layers)
    values, vectors = torch.linalg.eigh(style.T @ style)
    return _strongest(values, vectors, _covariance(generator, classes), count)


def style_matrix(generator: Generator, layers: Sequence[int]) -> Tensor:
    """The affine maps from w to the styles of some layers, below one another: float64 `[styles, w_dim]`."""
    synthesis = generator.synthesis
    modules = [*synthesis.convolutions, synthesis.pictures[-1]]  # of the last layer; other pictures share theirs
    affines = [modules[layer].affine for layer in layers]
    assert all(isinstance(affine, EqualizedLinear) for affine in affines)
    return torch.cat([(affine.weight * affine.weight_gain).double() for affine in affines])


def moved(ws: Tensor, directions: Directions, reach: float, steps: int, layers: Sequence[int]) -> Tensor:
    """Move w along each direction, to both sides.

    Args:
        ws: `[N, L, w_dim]`.
        directions: K of them.
        reach: how far to go, in standard deviations of w along the direction.
        steps: places on each line, ends included; an odd number has the picture itself in the middle.
        layers: that move; the others stay.

    Returns:
        `[N, K, steps, L, w_dim]`.
    """
    offsets = torch.linspace(-reach, reach, steps, device=ws.device)
    shifts = offsets[None, :, None] * (directions.vectors * directions.deviations[:, None])[:, None]  # [K, steps, D]
    moving = torch.zeros(ws.shape[1], 1, device=ws.device)
    moving[list(layers)] = 1
    return ws[:, None, None] + shifts[None, :, :, None] * moving


@torch.no_grad()
def _covariance(generator: Generator, classes: Sequence[int] | None) -> Tensor:
    """Of sampled w within its class, float64 `[w_dim, w_dim]`."""
    device, known = generator.w_avg.device, generator.settings.classes
    among = torch.tensor(list(classes or range(max(known, 1))), device=device)
    kinds = torch.arange(SAMPLES, device=device) % len(among)
    z = torch.randn(SAMPLES, generator.settings.z_dim, generator=stream(0, "directions", 0)).to(device)
    w = generator.map(z, among[kinds] if known else None)[:, 0].double()
    means = torch.stack([w[kinds == kind].mean(dim=0) for kind in range(len(among))])
    deviation = w - means[kinds]
    return deviation.T @ deviation / (len(w) - len(among))


def _strongest(values: Tensor, vectors: Tensor, covariance: Tensor, count: int) -> Directions:
    """The eigenvectors `[w_dim, w_dim]` (columns, ascending) with the largest eigenvalues."""
    chosen = vectors.flip(1)[:, :count].T  # [K, w_dim]
    largest = chosen.gather(1, chosen.abs().argmax(dim=1, keepdim=True))
    chosen = chosen * largest.sign()  # an eigenvector's sign is arbitrary: fix it
    deviations = torch.einsum("kd,de,ke->k", chosen, covariance, chosen).clamp(min=0).sqrt()
    return Directions(chosen.float(), deviations.float(), (values.flip(0)[:count] / values.sum()).float())
