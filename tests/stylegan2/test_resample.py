"""Resampling against SciPy's general upfirdn, and against its own definition."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.signal import convolve2d
from torch import Tensor
from torch.testing import assert_close

from stylegan2.resample import Resampler

FIR = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64


@pytest.fixture
def resampler() -> Resampler:
    return Resampler().double()


def between_zeros(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put a zero after every pixel."""
    stretched = np.zeros((2 * x.shape[0], 2 * x.shape[1]))
    stretched[::2, ::2] = x
    return stretched


def by_channel(x: Tensor, function: object) -> Tensor:
    return torch.from_numpy(np.stack([[function(c) for c in image] for image in x.numpy()]))  # type: ignore[operator]


def test_upsampling_puts_zeros_between_pixels_and_filters(resampler: Resampler) -> None:
    x = torch.randn(2, 3, 5, 4, dtype=torch.float64)
    expected = by_channel(x, lambda c: convolve2d(between_zeros(c), FIR * 4)[1:-2, 1:-2])
    assert_close(resampler.upsample(x), expected)


def test_downsampling_filters_and_drops_pixels(resampler: Resampler) -> None:
    x = torch.randn(2, 3, 10, 8, dtype=torch.float64)
    assert_close(resampler.downsample(x), by_channel(x, lambda c: convolve2d(c, FIR)[2:-1:2, 2:-1:2]))


def test_upsampling_is_four_times_the_adjoint_of_downsampling(resampler: Resampler) -> None:
    x, y = torch.randn(1, 2, 4, 6, dtype=torch.float64), torch.randn(1, 2, 8, 12, dtype=torch.float64)
    assert_close((resampler.upsample(x) * y).sum(), 4 * (x * resampler.downsample(y)).sum())


def test_a_constant_picture_stays_constant_away_from_the_border(resampler: Resampler) -> None:
    x = torch.ones(1, 1, 8, 8, dtype=torch.float64)
    assert_close(resampler.upsample(x)[:, :, 1:-1, 1:-1], torch.ones(1, 1, 14, 14, dtype=torch.float64))
    assert_close(resampler.downsample(x)[:, :, 1:-1, 1:-1], torch.ones(1, 1, 2, 2, dtype=torch.float64))


def test_upsampling_and_convolving_at_once_equals_the_two_in_turn_on_an_endless_picture(resampler: Resampler) -> None:
    x, weight = torch.randn(2, 3, 5, 4, dtype=torch.float64), torch.randn(6, 3, 3, 3, dtype=torch.float64)
    endless = torch.nn.functional.pad(x, (2, 2, 2, 2))
    # torch convolves by correlation; between zeros it scatters, which turns the kernel around
    expected = torch.nn.functional.conv2d(resampler.upsample(endless), weight.flip(2, 3), padding=1)[:, :, 4:-4, 4:-4]
    assert_close(resampler.upsample_convolve(x, weight), expected)


def test_blurring_and_convolving_at_once_equals_the_two_in_turn_on_an_endless_picture(resampler: Resampler) -> None:
    x, weight = torch.randn(2, 3, 8, 6, dtype=torch.float64), torch.randn(5, 3, 3, 3, dtype=torch.float64)
    blurred = by_channel(x, lambda c: convolve2d(c, FIR)[1:-1, 1:-1])
    assert_close(resampler.downsample_convolve(x, weight), torch.nn.functional.conv2d(blurred, weight, stride=2))
