"""The synthesis network: w for each layer, and noise, become a picture (Karras et al. 2020, skip architecture)."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stylegan2.layers import ACTIVATION_GAIN, EqualizedLinear, bounded, leaky_relu_
from stylegan2.resample import Resampler
from stylegan2.settings import NetworkSettings

StoredNoise = Literal["const", "none"]
Noise = StoredNoise | Sequence[Tensor | StoredNoise]
"""One for all convolutions, or one for each; tensors are what `Synthesis.draw_noise` gives."""
LOW_PRECISION_SIZES = 4  # so many of the largest sizes compute in the reduced precision; the others stay in float32


def demodulation(weight: Tensor, styles: Tensor) -> Tensor:
    """What brings each output of a modulated convolution back to unit variance.

    Args:
        weight: `[O, I, k, k]`.
        styles: scales of the input channels `[N, I]`.

    Returns:
        Factors `[N, O]`: 1 / sqrt(sum over I, k, k of (weight * style)^2).
    """
    energy = weight.square().sum(dim=(2, 3))  # [O, I]
    return (styles.square() @ energy.T + 1e-8).rsqrt()


class ModulatedConv2d(nn.Module):
    """3 x 3 convolution whose input channels each image scales by its own style, then noise, bias and leaky ReLU.

    Scaling activations before, and demodulating them after, one convolution that the whole batch shares equals a
    convolution with weights of its own for each image, and is faster and differentiable twice without special code.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        w_dim: size of w.
        size: `(height, width)` of the output.
        upsample: the output has twice the height and width of the input.
    """

    def __init__(self, in_channels: int, out_channels: int, w_dim: int, size: tuple[int, int], upsample: bool) -> None:
        super().__init__()
        self.affine = EqualizedLinear(w_dim, in_channels, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.noise: Tensor
        self.register_buffer("noise", torch.randn(1, 1, *size))
        self.resampler = Resampler() if upsample else None

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | StoredNoise) -> Tensor:
        """`[N, in_channels, H, W]` and w `[N, w_dim]` to `[N, out_channels, *size]`; noise may be `[N, 1, *size]`."""
        styles: Tensor = self.affine(w)  # [N, I]
        weight: Tensor = self.weight
        if x.dtype == torch.float16:
            # Demodulation cancels any scale of styles and weights: take one at which no sum overflows.
            styles = styles / styles.abs().amax(dim=1, keepdim=True)
            weight = weight / (weight.abs().amax(dim=(1, 2, 3), keepdim=True) * sqrt(weight[0].numel()))
        scale = (ACTIVATION_GAIN * demodulation(weight, styles))[:, :, None, None].to(x.dtype)  # [N, O, 1, 1]
        x, weight = x * styles[:, :, None, None].to(x.dtype), weight.to(x.dtype)
        x = F.conv2d(x, weight, padding=1) if self.resampler is None else self.resampler.upsample_convolve(x, weight)
        x = x * scale
        x += (ACTIVATION_GAIN * self.bias)[None, :, None, None].to(x.dtype)
        values = self.noise if isinstance(noise, str) else noise
        if not (isinstance(noise, str) and noise == "none"):
            x += (values * (ACTIVATION_GAIN * self.noise_strength)).to(x.dtype)
        return leaky_relu_(x)


class ToPicture(nn.Module):
    """Modulated 1 x 1 convolution from features to the channels of the picture, without demodulation.

    Args:
        in_channels: features.
        channels: channels of the picture.
        w_dim: size of w.
    """

    def __init__(self, in_channels: int, channels: int, w_dim: int) -> None:
        super().__init__()
        self.affine = EqualizedLinear(w_dim, in_channels, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(channels, in_channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.weight_gain = 1 / sqrt(in_channels)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """`[N, in_channels, H, W]` and w `[N, w_dim]` to `[N, channels, H, W]`."""
        styles = self.affine(w) * self.weight_gain
        x = x * styles[:, :, None, None].to(x.dtype)
        return bounded(F.conv2d(x, self.weight.to(x.dtype), self.bias.to(x.dtype)))


class Synthesis(nn.Module):
    """A learned constant, grown block by block; every block adds its picture to the doubled picture so far.

    Convolution i takes the i-th w, and the picture after it the next one, which it shares with the next convolution.
    """

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        features = [settings.features(size) for size in settings.sizes]
        self.const = nn.Parameter(torch.randn(features[0], *settings.base))
        self.convolutions = nn.ModuleList()
        self.pictures = nn.ModuleList()
        for level, size in enumerate(settings.sizes):
            own, w_dim = features[level], settings.w_dim
            if level > 0:
                self.convolutions.append(ModulatedConv2d(features[level - 1], own, w_dim, size, upsample=True))
            self.convolutions.append(ModulatedConv2d(own, own, w_dim, size, upsample=False))
            self.pictures.append(ToPicture(own, settings.channels, w_dim))
        self.resampler = Resampler()
        self.noise_sizes = [settings.sizes[(index + 1) // 2] for index in range(len(self.convolutions))]

    def forward(self, ws: Tensor, noise: Noise = "const", dtype: torch.dtype | None = None) -> Tensor:
        """Synthesise pictures.

        Args:
            ws: a w for each layer, `[N, layers, w_dim]`.
            noise: "const" for the stored one, "none", or what `draw_noise` gives; or one for each convolution.
            dtype: precision of the convolutions at the largest sizes; that of `ws` when left out.

        Returns:
            Pictures `[N, channels, height, width]`, about -1 to 1, not clipped, in the precision of `ws`.
        """
        low_from = len(self.convolutions) - 2 * LOW_PRECISION_SIZES
        x = self.const.expand(ws.shape[0], *self.const.shape)
        image: Tensor | None = None
        for index, convolution in enumerate(self.convolutions):
            x = x.to(dtype if dtype is not None and index >= max(low_from, 1) else ws.dtype)
            x = convolution(x, ws[:, index], noise if isinstance(noise, str) else noise[index])
            if index % 2 == 0:
                picture = self.pictures[index // 2](x, ws[:, index + 1]).to(ws.dtype)
                image = picture if image is None else self.resampler.upsample(image) + picture
        assert image is not None
        return image

    def draw_noise(self, count: int, random: torch.Generator) -> list[Tensor]:
        """Fresh unit normal noise for `count` images, `[count, 1, height, width]` for each convolution."""
        place, kind = random.device, self.const.dtype
        return [torch.randn(count, 1, *size, generator=random, device=place, dtype=kind) for size in self.noise_sizes]
