"""Filtering: each of four octave bands of an image is amplified or damped."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from stylegan2.augment.draws import Draws
from stylegan2.deterministic import mirror_borders

# Low-pass filter of the sym2 wavelet, of sum sqrt(2).
SYM2 = (-0.12940952255092145, 0.22414386804185735, 0.836516303737469, 0.48296291314469025)
BANDS = 4
EXPECTED_POWER = (10 / 13, 1 / 13, 1 / 13, 1 / 13)  # of natural images, whose spectrum falls as 1 / f
DEVIATION = 1.0  # of the binary logarithm of a gain
SMALLEST = 22  # side in pixels; mirroring once does not fill the lowest band's filter in smaller images


def band_gains(strength: Tensor, draws: Draws) -> Tensor:
    """Draw the gain of each band, such that the expected power of the image stays: `[N, 4]`, 1 where not applied."""
    power = torch.tensor(EXPECTED_POWER, dtype=torch.float64, device=strength.device)
    gains = torch.ones(1, BANDS, dtype=torch.float64, device=strength.device)
    for band in range(BANDS):
        amount, applied = torch.exp2(draws.normal(DEVIATION)), draws.applied(strength)
        gain = torch.stack([amount if other == band else torch.ones_like(amount) for other in range(BANDS)], dim=1)
        gain = gain * (power * gain.square()).sum(dim=1, keepdim=True).rsqrt()
        gains = gains * torch.where(applied[:, None], gain, torch.ones_like(gain))
    return gains


def amplify_bands(images: Tensor, gains: Tensor) -> Tensor:
    """Filter `[N, C, H, W]` along x and along y with the bands weighted by `gains` `[N, 4]`; borders are mirrored."""
    count, channels, height, width = images.shape
    taps = gains @ torch.from_numpy(band_filters()).to(gains)  # [N, T]
    taps = taps.repeat_interleave(channels, dim=0)  # [N C, T]
    reach = taps.shape[1] // 2
    x = mirror_borders(images.reshape(1, count * channels, height, width), reach, reach)
    x = F.conv2d(x, taps[:, None, None, :], groups=count * channels)
    x = F.conv2d(x, taps[:, None, :, None], groups=count * channels)
    return x.reshape(images.shape)


@cache
def band_filters() -> NDArray[np.float64]:
    """Symmetric filters `[4, T]` that split a signal into octaves, lowest first, and add up to the signal itself."""
    lowpass = np.array(SYM2)
    highpass = lowpass * (1, -1, 1, -1)
    half = np.convolve(lowpass, lowpass[::-1]) / 2  # zero-phase half-band low-pass, 7 taps
    rest = np.convolve(highpass, highpass[::-1]) / 2  # its complement: they add up to a unit impulse
    filters, low = [], np.ones(1)
    for octave in range(BANDS - 1):
        filters.append(np.convolve(_stretch(rest, octave), low))
        low = np.convolve(_stretch(half, octave), low)
    filters.append(low)
    return np.stack([np.pad(taps, (len(low) - len(taps)) // 2) for taps in reversed(filters)])


def _stretch(taps: NDArray[np.float64], octave: int) -> NDArray[np.float64]:
    """Put 2^octave - 1 zeros between the taps."""
    stretched = np.zeros((len(taps) - 1) * 2**octave + 1)
    stretched[:: 2**octave] = taps
    return stretched
