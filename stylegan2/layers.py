"""Layers with an equalised learning rate: weights are unit normal, and scaled when they are used (Karras et al. 2018).

Leaky ReLU is positively homogeneous, g lrelu(x) = lrelu(g x), so every gain is applied before it, to what is smallest:
the weights of a convolution, the input of a fully connected layer.
"""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SLOPE = 0.2  # of the leaky ReLU
ACTIVATION_GAIN = sqrt(2)  # keeps the second moment of unit normal input about 1
LIMIT = 256.0  # of float16 activations, as published: a sum over the channels of the next layer then stays below 65504


def leaky_relu_(x: Tensor) -> Tensor:
    """Leaky ReLU in the memory of `x`, without its gain, which the caller has folded into weight and bias; bounded."""
    return bounded(F.leaky_relu(x, SLOPE, inplace=True))


def bounded(x: Tensor) -> Tensor:
    """Clamp float16, which overflows; other precisions pass as they are."""
    return x.clamp(-LIMIT, LIMIT) if x.dtype == torch.float16 else x


def normalize_second_moment(x: Tensor) -> Tensor:
    """Scale each row of `[N, D]` to a mean square of 1."""
    return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()


class EqualizedLinear(nn.Module):
    """Fully connected layer `[N, in_features]` to `[N, out_features]`.

    Args:
        in_features: size of the input.
        out_features: size of the output.
        activate: leaky ReLU with gain sqrt(2) when true, else linear.
        bias_init: initial bias.
        lr_multiplier: learning rate relative to that of the optimiser.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        activate: bool = False,
        bias_init: float = 0.0,
        lr_multiplier: float = 1.0,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_features, in_features) / lr_multiplier)
        self.bias = nn.Parameter(torch.full((out_features,), bias_init))
        self.activate = activate
        gain = ACTIVATION_GAIN if activate else 1.0
        self.weight_gain = gain * lr_multiplier / sqrt(in_features)
        self.bias_gain = gain * lr_multiplier

    def forward(self, x: Tensor) -> Tensor:
        """`[N, in_features]` to `[N, out_features]`."""
        x = F.linear(x * self.weight_gain, self.weight, self.bias * self.bias_gain)  # x is smaller than the weights
        return leaky_relu_(x) if self.activate else x


class EqualizedConv2d(nn.Module):
    """Convolution that keeps the size, with leaky ReLU; for pictures in `[N, C, H, W]`.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: side of the kernel, odd.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.padding = kernel_size // 2
        self.weight_gain = ACTIVATION_GAIN / sqrt(in_channels * kernel_size**2)

    def forward(self, x: Tensor) -> Tensor:
        """`[N, in_channels, H, W]` to `[N, out_channels, H, W]`."""
        weight = (self.weight * self.weight_gain).to(x.dtype)
        return leaky_relu_(F.conv2d(x, weight, (self.bias * ACTIVATION_GAIN).to(x.dtype), padding=self.padding))
