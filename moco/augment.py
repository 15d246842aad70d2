"""The two views of a logo: augmentations of a batch of tensors, on its device, drawn from one generator.

Every function takes images `[N, 3, S, S]` with values in 0..1 and a generator on the CPU, and returns the same shape
and range. White is the background: it is what images are flattened on and padded with.
"""

import math
from typing import Any

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from moco.jpeg import compress
from moco.settings import AugmentationSettings

LUMA = (0.299, 0.587, 0.114)
REDUCTIONS = ("area", "bilinear", "bicubic")
ENLARGEMENTS = ("nearest", "bilinear", "bicubic")
PALEST = 0.6  # least brightness of a tint's channels: on darker paper much of a logo is gone
PARTS = 8  # parts of a batch that are reduced alike: interpolation knows only one size per call


def augment(images: Tensor, settings: AugmentationSettings, generator: Generator) -> Tensor:
    """One view of each image: framed, coloured, and then damaged as copies on the web are."""
    views = frame(images, settings, generator)
    views = change_background(views, settings, generator)
    views = recolour(views, settings, generator)
    views = reduce_resolution(views, settings, generator)
    views = blur(views, settings, generator)
    chosen = torch.nonzero(_chosen(len(views), settings.jpeg, generator).flatten()).flatten()
    views[chosen] = compress(views[chosen], _uniform(len(chosen), settings.quality, 95, generator))
    return views


def frame(images: Tensor, settings: AugmentationSettings, generator: Generator) -> Tensor:
    """Show a random rectangle of the image, or of the paper around it, at the image's size."""
    n = len(images)
    area = _uniform(n, settings.crop_scale, settings.zoom_out, generator)
    ratio = torch.exp(_uniform(n, -1, 1, generator) * math.log1p(settings.stretch))
    width, height = (area * ratio).sqrt(), (area / ratio).sqrt()  # of the rectangle, in image sides
    mirrored = torch.where(_uniform(n, 0, 1, generator) < settings.flip, -1.0, 1.0)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 1, 1] = width * mirrored, height
    theta[:, 0, 2] = (1 - width) * _uniform(n, -1, 1, generator)
    theta[:, 1, 2] = (1 - height) * _uniform(n, -1, 1, generator)
    grid = F.affine_grid(theta.to(images.device), list(images.shape), align_corners=False)
    return 1 - F.grid_sample(1 - images, grid, align_corners=False)  # zeros outside become white


def change_background(images: Tensor, settings: AugmentationSettings, generator: Generator) -> Tensor:
    """Lay some images on tinted paper: white becomes the tint, and ink is multiplied by it, as on a printed page."""
    n = len(images)
    tint = _uniform(3 * n, PALEST, 1, generator).view(n, 3, 1, 1)
    tint = torch.where(_chosen(n, settings.background, generator), tint, 1.0)
    return images * tint.to(images.device)


def recolour(images: Tensor, settings: AugmentationSettings, generator: Generator) -> Tensor:
    """Change brightness, contrast, saturation and hue by one matrix for each image, and take the colour from some."""
    n = len(images)
    brightness = 1 + settings.brightness * _uniform(n, -1, 1, generator)
    contrast = 1 + settings.contrast * _uniform(n, -1, 1, generator)
    saturation = 1 + settings.saturation * _uniform(n, -1, 1, generator)
    saturation[_uniform(n, 0, 1, generator) < settings.grayscale] = 0
    matrix = _hue_rotation(settings.hue * _uniform(n, -1, 1, generator))
    gray = torch.tensor(LUMA).expand(3, 3)
    matrix = gray + saturation[:, None, None] * (matrix - gray)
    matrix = matrix * (brightness * contrast)[:, None, None]
    offset = ((1 - contrast) * 0.5)[:, None, None, None]  # contrast pulls towards middle gray
    changed = torch.einsum("nij,njhw->nihw", matrix.to(images.device), images) + offset.to(images.device)
    return changed.clamp_(0, 1)


def reduce_resolution(images: Tensor, settings: AugmentationSettings, generator: Generator) -> Tensor:
    """Reduce some images and enlarge them again, each part of the batch by a size and filters of its own."""
    views = images.clone()
    side = images.shape[-1]
    for part in torch.arange(len(images)).chunk(PARTS):
        share = math.exp(float(_uniform(1, math.log(settings.smallest), 0, generator)))
        down, up = (int(i) for i in torch.randint(0, 3, (2,), generator=generator))
        members = part[_chosen(len(part), settings.resolution, generator).flatten()]
        if not len(members):
            continue
        small = F.interpolate(images[members], (max(2, round(share * side)),) * 2, **_filter(REDUCTIONS[down], True))
        views[members] = F.interpolate(small, (side, side), **_filter(ENLARGEMENTS[up], False)).clamp_(0, 1)
    return views


def blur(images: Tensor, settings: AugmentationSettings, generator: Generator) -> Tensor:
    """Blur some images by a Gaussian, each by a width of its own."""
    n, c, h, w = images.shape
    radius = math.ceil(2 * settings.sigma)
    sigma = _uniform(n, 0.1, max(settings.sigma, 0.1), generator)
    taps = torch.arange(-radius, radius + 1)
    kernel = torch.exp(-0.5 * (taps / sigma[:, None]) ** 2)  # [N, taps]
    kernel = torch.where(_chosen(n, settings.blur, generator).view(n, 1), kernel, (taps == 0).float())
    kernel = (kernel / kernel.sum(dim=1, keepdim=True)).repeat_interleave(c, dim=0).to(images.device)  # [N C, taps]
    x = F.pad(images, (radius,) * 4, mode="replicate").reshape(1, n * c, h + 2 * radius, w + 2 * radius)
    x = F.conv2d(x, kernel[:, None, :, None], groups=n * c)
    return F.conv2d(x, kernel[:, None, None, :], groups=n * c).reshape(n, c, h, w)


def _chosen(n: int, share: float, generator: Generator) -> Tensor:
    """Which images an augmentation befalls, bool `[n, 1, 1, 1]`."""
    return (torch.rand(n, generator=generator) < share)[:, None, None, None]


def _uniform(n: int, low: float, high: float, generator: Generator) -> Tensor:
    return low + (high - low) * torch.rand(n, generator=generator)


def _hue_rotation(turns: Tensor) -> Tensor:
    """Rotations about the gray axis of the RGB cube (Rodrigues' formula), `[N]` to `[N, 3, 3]`."""
    angle = (2 * math.pi * turns)[:, None, None]
    cross = torch.tensor([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / math.sqrt(3)
    return torch.eye(3) * angle.cos() + cross * angle.sin() + (1 - angle.cos()) / 3


def _filter(mode: str, antialias: bool) -> dict[str, Any]:
    return {"mode": mode} | ({"antialias": antialias} if mode in ("bilinear", "bicubic") else {})
