"""Doubling, halving and blurring pictures with the filter [1, 3, 3, 1] (Karras et al. 2019, after Zhang 2019).

The picture counts as zero outside, as in the published networks.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Resampler(nn.Module):
    """Holds the filter where the network's weights are, so that no call copies it there."""

    def __init__(self) -> None:
        super().__init__()
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        self.kernel: Tensor
        self.register_buffer("kernel", torch.outer(taps, taps)[None, None], persistent=False)  # [1, 1, 4, 4], sum 1

    def _depthwise(self, x: Tensor) -> Tensor:
        return self.kernel.to(x.dtype).expand(x.shape[1], 1, 4, 4)

    def upsample(self, x: Tensor) -> Tensor:
        """`[N, C, H, W]` to `[N, C, 2H, 2W]`, the same brightness."""
        return F.conv_transpose2d(x, self._depthwise(x) * 4, stride=2, padding=1, groups=x.shape[1])

    def downsample(self, x: Tensor) -> Tensor:
        """`[N, C, 2H, 2W]` to `[N, C, H, W]`."""
        # A CPU takes twenty times longer for this one's derivative in bfloat16 than in float32.
        y = x.to(torch.promote_types(x.dtype, torch.float32)) if x.device.type == "cpu" else x
        return F.conv2d(y, self._depthwise(y), stride=2, padding=1, groups=x.shape[1]).to(x.dtype)

    def upsample_convolve(self, x: Tensor, weight: Tensor) -> Tensor:
        """Upsample, and convolve with `weight` `[O, I, 3, 3]`: `[N, I, H, W]` to `[N, O, 2H, 2W]`.

        The convolution comes first, on pixels with zeros between them, because it then costs a quarter.
        """
        x = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)  # [N, O, 2H + 1, 2W + 1]
        return F.conv2d(x, self._depthwise(x) * 4, padding=1, groups=x.shape[1])

    def downsample_convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """Blur, and convolve with `weight` `[O, I, 3, 3]` at every second pixel: `[N, I, 2H, 2W]` to `[N, O, H, W]`."""
        x = F.conv2d(x, self._depthwise(x), padding=2, groups=x.shape[1])  # [N, I, 2H + 1, 2W + 1]
        return F.conv2d(x, weight, bias, stride=2)
