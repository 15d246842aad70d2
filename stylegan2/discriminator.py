"""The discriminator: is this picture real, given its class? (Karras et al. 2020; Miyato and Koyama 2018)."""

from __future__ import annotations

from math import prod, sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stylegan2.layers import ACTIVATION_GAIN, EqualizedConv2d, EqualizedLinear, bounded, leaky_relu_
from stylegan2.mapping import Mapping
from stylegan2.resample import Resampler
from stylegan2.settings import NetworkSettings
from stylegan2.synthesis import LOW_PRECISION_SIZES


def minibatch_deviation(x: Tensor, group: int) -> Tensor:
    """How much the images of a group differ, as one more channel (Karras et al. 2018, section 3).

    Images n, n + M, n + 2M, ... form a group, where M = N / group. So the shares `x[k::K]` of a batch hold whole
    groups, and a batch in K shares gives what it gives in one.

    Args:
        x: features `[N, C, H, W]`.
        group: images in a group; N must be a multiple of it, or smaller.

    Returns:
        `[N, 1, H, W]`: the standard deviation over the group, averaged over channels and pixels.
    """
    count, channels, height, width = x.shape
    group = min(group, count)
    assert count % group == 0, f"{count} images do not make groups of {group}"
    groups = x.reshape(group, -1, channels, height, width)
    variance = (groups - groups.mean(dim=0)).square().mean(dim=0)  # a CPU takes eight times longer for torch.var
    deviation = variance.add(1e-8).sqrt()
    return deviation.mean(dim=(1, 2, 3)).repeat(group)[:, None, None, None].expand(-1, 1, height, width)


class Block(nn.Module):
    """Two convolutions and a halving; with a residual connection or without.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        residual: add the halved input, and scale the sum back to unit variance.
    """

    def __init__(self, in_channels: int, out_channels: int, residual: bool) -> None:
        super().__init__()
        self.conv0 = EqualizedConv2d(in_channels, in_channels, 3)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.skip = nn.Parameter(torch.randn(out_channels, in_channels, 1, 1)) if residual else None
        self.resampler = Resampler()
        self.gain = ACTIVATION_GAIN * (sqrt(0.5) if residual else 1.0)
        self.fan_in = in_channels

    def forward(self, x: Tensor) -> Tensor:
        """`[N, in_channels, 2H, 2W]` to `[N, out_channels, H, W]`."""
        weight = (self.weight * (self.gain / sqrt(9 * self.fan_in))).to(x.dtype)
        bias = (self.bias * self.gain).to(x.dtype)
        y = leaky_relu_(self.resampler.downsample_convolve(self.conv0(x), weight, bias))
        if self.skip is None:
            return y
        skip = (self.skip * sqrt(0.5 / self.fan_in)).to(x.dtype)
        return y + bounded(F.conv2d(self.resampler.downsample(x), skip))


class Discriminator(nn.Module):
    """A picture and a class become one logit: positive for real."""

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        self.settings = settings
        sizes = settings.sizes[::-1]
        features = [settings.features(size) for size in sizes]
        last = features[-1]
        self.from_picture = EqualizedConv2d(settings.channels, features[0], 1)
        self.blocks = nn.ModuleList(
            Block(features[i], features[i + 1], settings.discriminator == "resnet") for i in range(len(sizes) - 1)
        )
        self.conv = EqualizedConv2d(last + (1 if settings.deviation_group else 0), last, 3)
        self.dense = EqualizedLinear(last * prod(settings.base), last, activate=True)
        self.out = EqualizedLinear(last, last if settings.classes else 1)
        self.mapping = Mapping(0, settings.classes, last, settings.label_depth) if settings.classes else None
        self.unconditional = EqualizedLinear(last, 1) if settings.transition else None
        self.class_weight: Tensor | None
        self.register_buffer("class_weight", torch.ones(()) if settings.transition else None)

    def forward(self, images: Tensor, labels: Tensor | None = None, dtype: torch.dtype | None = None) -> Tensor:
        """Judge pictures.

        Args:
            images: `[N, channels, height, width]`, -1 to 1.
            labels: classes `[N]`; unused without classes.
            dtype: precision of the convolutions at the largest sizes; that of the images when left out.

        Returns:
            Logits `[N]`.
        """
        x = self.from_picture(images if dtype is None else images.to(dtype))
        for level, block in enumerate(self.blocks):
            x = block(x if level < LOW_PRECISION_SIZES else x.to(images.dtype))
        x = x.to(images.dtype)
        if self.settings.deviation_group:
            x = torch.cat([x, minibatch_deviation(x, self.settings.deviation_group)], dim=1)
        x = self.dense(self.conv(x).flatten(1))
        y = self.out(x)
        if self.mapping is None:
            return torch.squeeze(y, dim=1)
        judged = torch.sum(y * self.mapping(None, labels), dim=1) / sqrt(y.shape[1])
        if self.unconditional is None or self.class_weight is None:
            return judged
        return torch.squeeze(self.unconditional(x), dim=1) + self.class_weight * judged
