"""Reading an image at moved places: as published, or several times cheaper."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

import torch
from torch import Tensor
from torch.nn import functional as F

from stylegan2.augment.geometry import shift
from stylegan2.deterministic import mirror_borders, sample

# Low-pass filter of the sym6 wavelet (Daubechies 1992), of sum 1. It is orthogonal: doubling with it and halving with
# it again gives the image back.
SYM6 = (
    0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633, 0.4910559419267466,
    0.787641141030194, 0.3379294217276218, -0.07263752278646252, -0.021060292512300564, 0.04472490177066578,
    0.0017677118642428036, -0.007800708325034148,
)  # fmt: skip
REACH = len(SYM6) // 4  # of the filter at the image's own resolution, in pixels
# The filter is nearly symmetric about its tap 5, not about its middle at 5.5: what it doubles lies half a doubled pixel
# further right and down.
PHASE = 0.25

Warp = Callable[[Tensor, Tensor], Tensor]


def warp_reference(images: Tensor, matrices: Tensor) -> Tensor:
    """Mirror the borders, double with a wavelet filter, sample, and halve again, as published.

    Args:
        images: `[N, C, H, W]`.
        matrices: where each output pixel is read, in pixels from the centre, `[N, 3, 3]`.

    Returns:
        `[N, C, H, W]`.
    """
    height, width = images.shape[2:]
    phase = matrices.new_full((1,), PHASE)
    matrices = shift(-phase, -phase) @ matrices @ shift(phase, phase)
    margin_x, margin_y = _margins(matrices, width, height)
    doubled = _mirror_and_double(images, margin_x, margin_y)
    # The sampled canvas is larger than the image, so that halving finds what it needs at the borders.
    canvas = (width + 2 * REACH, height + 2 * REACH)
    grid = _grid(matrices, canvas, (width + 2 * margin_x, height + 2 * margin_y))
    return _halve(sample(doubled, grid, mirrored=False))


def warp_bilinear(images: Tensor, matrices: Tensor) -> Tensor:
    """Double bilinearly, sample with mirrored borders, and average 2 x 2 pixels: smoother, and three times cheaper.

    Its shapes do not depend on the matrices, which spares a GPU the wait for them. Arguments as `warp_reference`.
    """
    size = (images.shape[3], images.shape[2])
    doubled = F.interpolate(images, scale_factor=2, mode="bilinear", align_corners=False)
    grid = _grid(matrices, size, size)
    sampled = sample(doubled, grid, mirrored=True)
    return F.avg_pool2d(sampled, 2)


WARPS: dict[str, Warp] = {"reference": warp_reference, "bilinear": warp_bilinear}


def _margins(matrices: Tensor, width: int, height: int) -> tuple[int, int]:
    """How far beyond the image, in x and in y, any image of the batch is read; at most what mirroring once gives."""
    half = matrices.new_tensor([width / 2 + REACH, height / 2 + REACH])
    signs = matrices.new_tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    corners = torch.cat([signs * half, torch.ones_like(signs[:, :1])], dim=1)  # [4, 3]
    reached = (matrices[:, :2] @ corners.T).abs().amax(dim=(0, 2)).tolist()
    margins = [ceil(r + REACH - side / 2) for r, side in zip(reached, (width, height), strict=True)]
    return min(max(margins[0], 0), width - 1), min(max(margins[1], 0), height - 1)


def _grid(matrices: Tensor, canvas: tuple[int, int], source: tuple[int, int]) -> Tensor:
    """Where each pixel of the canvas, `(width, height)`, at twice its resolution is read; -1 to 1 across the source.

    What `F.affine_grid` gives, in a quarter of its time on a CPU: a sum of what depends on x and what depends on y.
    """
    scaled = [matrices[:, axis] * (2 / side) for axis, side in enumerate(source)]
    rows = torch.stack(scaled, dim=1)[:, None, None]  # [N, 1, 1, 2, 3]
    x, y = (((torch.arange(2 * size, device=rows.device) + 0.5) / 2 - size / 2).to(rows.dtype) for size in canvas)
    return rows[..., 0] * x[:, None] + (rows[..., 1] * y[:, None, None] + rows[..., 2])


def products_pay(x: Tensor) -> bool:
    """Whether to filter by a matrix product rather than a convolution.

    Most of the matrix is zero. Yet on a CPU the product is many times faster, since three channels do not fill a
    convolution's vectors, and since mirroring is part of the matrix.
    """
    return x.device.type == "cpu"


def _mirror_and_double(x: Tensor, margin_x: int, margin_y: int) -> Tensor:
    """`[N, C, H, W]` to `[N, C, 2 (H + 2 margin_y), 2 (W + 2 margin_x)]`."""
    if products_pay(x):
        return _doubling(x.shape[2], margin_y, x) @ (x @ _doubling(x.shape[3], margin_x, x).T)
    return _filter(F.conv_transpose2d, mirror_borders(x, margin_x, margin_y), gain=2.0)


def _halve(x: Tensor) -> Tensor:
    """`[N, C, 2H, 2W]` to `[N, C, H - 2 REACH, W - 2 REACH]`: without what the filter cannot know at the borders."""
    if products_pay(x):
        # The filter is orthogonal: what doubles, transposed and halved, halves.
        along_y, along_x = (_doubling(side // 2, 0, x)[:, REACH:-REACH].T / 2 for side in x.shape[2:])
        return along_y @ (x @ along_x.T)
    return _filter(F.conv2d, x, gain=1.0)[:, :, REACH:-REACH, REACH:-REACH]


def _doubling(size: int, margin: int, like: Tensor) -> Tensor:
    """Mirroring and doubling one axis as a matrix `[2 (size + 2 margin), size]`."""
    mirrored = F.pad(torch.eye(size, dtype=like.dtype)[:, None], (margin, margin), mode="reflect")
    return F.conv_transpose1d(mirrored, _taps(like)[None, None] * 2, stride=2, padding=5)[:, 0].T


def _filter(convolve: Callable[..., Tensor], x: Tensor, gain: float) -> Tensor:
    """Convolve every channel along x, then along y, with stride 2."""
    taps, channels = _taps(x) * gain, x.shape[1]
    x = convolve(x, taps.expand(channels, 1, 1, -1), stride=(1, 2), padding=(0, 5), groups=channels)
    return convolve(x, taps[:, None].expand(channels, 1, -1, 1), stride=(2, 1), padding=(5, 0), groups=channels)


def _taps(like: Tensor) -> Tensor:
    taps = torch.tensor(SYM6, dtype=like.dtype, device=like.device)
    return taps / taps.sum()
