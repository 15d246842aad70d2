"""What JPEG (ITU-T T.81) does to pictures, by batch: chroma at half the side, quantised 8 x 8 cosine transforms."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

# Annex K of the standard, tables K.1 and K.2; every common encoder scales these two by its quality.
LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
CHROMINANCE = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
)
TO_YCBCR = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))


def compress(images: Tensor, quality: Tensor) -> Tensor:
    """Images as they look after JPEG with 4:2:0 chroma.

    Args:
        images: `[N, 3, S, S]` in 0..1, S a multiple of 16.
        quality: 1..100 for each image, `[N]`, in the scale of libjpeg.

    Returns:
        `[N, 3, S, S]` in 0..1; not differentiable.
    """
    to_ycbcr = torch.tensor(TO_YCBCR, device=images.device)
    ycbcr = torch.einsum("ij,njhw->nihw", to_ycbcr, images * 255)
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality).to(images.device)
    luma = _quantise(ycbcr[:, :1] - 128, _table(LUMINANCE, scale)) + 128
    chroma = _quantise(F.avg_pool2d(ycbcr[:, 1:], 2), _table(CHROMINANCE, scale))
    chroma = F.interpolate(chroma, scale_factor=2, mode="bilinear", align_corners=False)
    rgb = torch.einsum("ij,njhw->nihw", torch.linalg.inv(to_ycbcr), torch.cat([luma, chroma], dim=1))
    return (rgb / 255).clamp_(0, 1)


def _table(base: tuple[tuple[int, ...], ...], scale: Tensor) -> Tensor:
    """Quantisation steps at libjpeg's scale in per cent, `[N, 8, 8]`."""
    table = torch.tensor(base, device=scale.device)
    return ((table * scale[:, None, None] + 50) / 100).floor().clamp(1, 255)


def _quantise(planes: Tensor, table: Tensor) -> Tensor:
    """Round the cosine transform of each 8 x 8 block of `[N, C, H, W]` to multiples of the steps `[N, 8, 8]`."""
    n, c, h, w = planes.shape
    transform = _cosine_transform().to(planes.device)
    blocks = planes.reshape(n, c, h // 8, 8, w // 8, 8).transpose(3, 4)
    steps = table[:, None, None, None]
    coefficients = torch.round(transform @ blocks @ transform.T / steps) * steps
    return (transform.T @ coefficients @ transform).transpose(3, 4).reshape(n, c, h, w)


def _cosine_transform() -> Tensor:
    """Orthonormal type-II cosine transform of eight samples, `[8, 8]`."""
    frequency, sample = torch.arange(8.0)[:, None], torch.arange(8.0)
    matrix = torch.cos(math.pi / 8 * (sample + 0.5) * frequency) / 2
    matrix[0] /= math.sqrt(2)
    return matrix
