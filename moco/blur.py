"""Gaussian blur of a batch, each image by a kernel of its own."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def gaussian_blur(images: Tensor, sigma: float) -> Tensor:
    """Blur every image by one Gaussian, cut off at three standard deviations; the border is continued.

    Args:
        images: `[N, C, H, W]`.
        sigma: standard deviation in pixels, above 0.

    Returns:
        `[N, C, H, W]`.
    """
    kernel = gaussian_kernels(torch.tensor([sigma]), math.ceil(3 * sigma))
    return convolve(images, kernel.expand(len(images), -1))


def gaussian_kernels(sigma: Tensor, radius: int) -> Tensor:
    """Gaussians of standard deviations `[N]`, in pixels, that sum to one, `[N, 2 radius + 1]`."""
    taps = torch.arange(-radius, radius + 1)
    kernels = torch.exp(-0.5 * (taps / sigma[:, None]) ** 2)
    return kernels / kernels.sum(dim=1, keepdim=True)


def convolve(images: Tensor, kernels: Tensor) -> Tensor:
    """Convolve each image along both axes with its own kernel, `[N, C, H, W]` and `[N, 2 radius + 1]`."""
    n, c, h, w = images.shape
    radius = kernels.shape[1] // 2
    kernels = kernels.repeat_interleave(c, dim=0).to(images.device)  # [N C, taps]
    x = F.pad(images, (radius,) * 4, mode="replicate").reshape(1, n * c, h + 2 * radius, w + 2 * radius)
    x = F.conv2d(x, kernels[:, None, :, None], groups=n * c)
    return F.conv2d(x, kernels[:, None, None, :], groups=n * c).reshape(n, c, h, w)
