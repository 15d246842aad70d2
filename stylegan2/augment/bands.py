"""Filtering: each of four octave bands of an image is amplified or damped."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from stylegan2.augment.draws import Draws

# Low-pass filter of the sym2 wavelet, of sum sqrt(2).
SYM2 = (-0.12940952255092145, 0.22414386804185735, 0.836516303737469, 0.48296291314469025)
BANDS = 4
EXPECTED_POWER = (10 / 13, 1 / 13, 1 / 13, 1 / 13)  # of natural images, whose spectrum falls as 1 / f
DEVIATION = 1.0  # of the binary logarithm of a gain


def band_gains(strength: Tensor, draws: Draws) -> Tensor:
    """Draw the gain of each band, such that the expected power of the image stays: `[N, 4]`, 1 where not applied."""
    power = torch.tensor(EXPECTED_POWER, device=strength.device)
    gains: Tensor | None = None
    for band in range(BANDS):
        amount = torch.exp2(draws.normal(DEVIATION) * draws.applied(strength))
        own = torch.nn.functional.one_hot(torch.tensor(band), BANDS).to(power)
        gain = 1 + (amount - 1)[:, None] * own
        gain = gain * (power * gain.square()).sum(dim=1, keepdim=True).rsqrt()
        gains = gain if gains is None else gains * gain
    assert gains is not None
    return gains


def amplify_bands(images: Tensor, gains: Tensor) -> Tensor:
    """Filter `[N, C, H, W]` along x and along y with the bands weighted by `gains` `[N, 4]`; borders are mirrored."""
    count, channels, height, width = images.shape
    taps = gains @ band_filters().to(gains)  # [N, T]
    taps = taps.repeat_interleave(channels, dim=0)  # [N C, T]
    reach = taps.shape[1] // 2
    x = F.pad(images.reshape(1, count * channels, height, width), (reach,) * 4, mode="reflect")
    x = F.conv2d(x, taps[:, None, None, :], groups=count * channels)
    x = F.conv2d(x, taps[:, None, :, None], groups=count * channels)
    return x.reshape(images.shape)


def band_filters() -> Tensor:
    """Symmetric filters `[4, T]` that split a signal into octaves, lowest first, and add up to the signal itself."""
    lowpass = torch.tensor(SYM2, dtype=torch.float64)
    signs = torch.tensor([1.0, -1.0, 1.0, -1.0], dtype=torch.float64)
    half = _convolve(lowpass, lowpass.flip(0)) / 2  # zero-phase half-band low-pass, 7 taps
    other = _convolve(lowpass * signs, (lowpass * signs).flip(0)) / 2  # its complement: they sum to a unit impulse
    low = torch.ones(1, dtype=torch.float64)
    filters = []
    for octave in range(BANDS - 1):
        filters.append(_convolve(_stretch(other, octave), low))
        low = _convolve(_stretch(half, octave), low)
    filters.append(low)
    longest = len(low)
    return torch.stack([F.pad(f, ((longest - len(f)) // 2,) * 2) for f in reversed(filters)])


def _stretch(taps: Tensor, octave: int) -> Tensor:
    """Put 2^octave - 1 zeros between the taps."""
    stretched = torch.zeros((len(taps) - 1) * 2**octave + 1, dtype=taps.dtype)
    stretched[:: 2**octave] = taps
    return stretched


def _convolve(a: Tensor, b: Tensor) -> Tensor:
    return F.conv1d(a[None, None], b.flip(0)[None, None], padding=len(b) - 1)[0, 0]
