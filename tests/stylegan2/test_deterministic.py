"""Sampling by indices, which a GPU does alike twice, against torch's own, with both derivatives."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.testing import assert_close

from stylegan2.augment.bands import amplify_bands
from stylegan2.deterministic import deterministic, mirror_borders, sample


def grid_of(size: tuple[int, int], reach: float) -> Tensor:
    """Points up to `reach` times as far out as the borders."""
    random = torch.Generator().manual_seed(0)
    return (torch.rand(2, *size, 2, generator=random, dtype=torch.float64) * 2 - 1) * reach


@pytest.mark.parametrize("mirrored", [True, False])
@pytest.mark.parametrize("shape", [(2, 3, 7, 5), (2, 1, 4, 8), (2, 4, 1, 6)])
def test_sampling_by_indices_is_grid_sample(shape: tuple[int, int, int, int], mirrored: bool) -> None:
    images = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(2, shape[1], 6, 9, dtype=torch.float64)
    grid = grid_of((6, 9), reach=3.3)
    results = []
    for wanted in (True, False):
        with deterministic(wanted):
            sampled = sample(images, grid, mirrored=mirrored)
            (gradient,) = torch.autograd.grad((sampled**2 * weights).sum(), images, create_graph=True)
            (second,) = torch.autograd.grad(gradient.square().sum(), images)
        results.append((sampled, gradient, second))
    for ours, theirs in zip(*results, strict=True):
        assert_close(ours, theirs, rtol=0, atol=1e-11)


@pytest.mark.parametrize("margins", [(0, 0), (4, 2), (1, 6)])
def test_mirrored_borders_are_those_of_pad(margins: tuple[int, int]) -> None:
    images = torch.randn(2, 3, 7, 5, dtype=torch.float64)
    with deterministic(True):
        ours = mirror_borders(images, *margins)
    assert torch.equal(ours, F.pad(images, (margins[0], margins[0], margins[1], margins[1]), mode="reflect"))


def test_torch_is_left_as_it_was() -> None:
    assert not torch.are_deterministic_algorithms_enabled()
    with deterministic(True):
        assert torch.are_deterministic_algorithms_enabled()
    with pytest.raises(ZeroDivisionError), deterministic(True):
        raise ZeroDivisionError
    assert not torch.are_deterministic_algorithms_enabled()


def test_bands_are_filtered_alike_where_that_is_asked_for() -> None:
    images = torch.randn(2, 3, 24, 26, dtype=torch.float64)
    gains = torch.rand(2, 4, dtype=torch.float64)
    with deterministic(True):
        ours = amplify_bands(images, gains)
    assert torch.equal(ours, amplify_bands(images, gains))
