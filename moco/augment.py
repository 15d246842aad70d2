"""The two views of a logo: augmentations of a batch of tensors, on its device, drawn from one generator.

Every function takes images `[N, 3, S, S]` with values in 0..1 and a generator on the CPU, and returns the same shape
and range. White is the background: it is what images are flattened on and padded with.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from moco.blur import convolve, gaussian_kernels
from moco.jpeg import compress
from moco.settings import AugmentationSettings

LUMA = (0.299, 0.587, 0.114)
REDUCTIONS = ("area", "bilinear", "bicubic")
ENLARGEMENTS = ("nearest", "bilinear", "bicubic")
PALEST = 0.6  # least brightness of a tint's channels: on darker paper much of a logo is gone
PARTS = 8  # parts of a batch that are reduced alike: interpolation knows only one size per call


@dataclass(frozen=True)
class Rows:
    """Which rows of a batch are at hand: a process of several has some, and draws what is random for all.

    Attributes:
        batch: rows of the whole batch.
        start: the first row at hand.
        stop: the row after the last one at hand.
    """

    batch: int
    start: int
    stop: int

    def uniform(self, low: float, high: float, generator: Generator) -> Tensor:
        """A number for each row at hand, `[stop - start]`."""
        return _uniform(self.batch, low, high, generator)[self.start : self.stop]

    def chosen(self, share: float, generator: Generator) -> Tensor:
        """Which rows at hand an augmentation befalls, bool `[stop - start]`."""
        return _chosen(self.batch, share, generator)[self.start : self.stop]

    def holds(self, rows: Tensor) -> Tensor:
        """Which rows of the batch, by number, are at hand, bool of the same shape."""
        return (self.start <= rows) & (rows < self.stop)


def all_rows(images: Tensor) -> Rows:
    """The rows of images that are a whole batch."""
    return Rows(len(images), 0, len(images))


def augment(images: Tensor, settings: AugmentationSettings, generator: Generator, rows: Rows | None = None) -> Tensor:
    """One view of each image: framed, coloured, and then damaged as copies on the web are.

    Args:
        images: `[N, 3, S, S]` in 0..1, with S a multiple of 16.
        settings: what is done, how often and how much.
        generator: on the CPU.
        rows: which rows of a larger batch the images are; their views are then as if all of it were here.
    """
    rows = rows or all_rows(images)
    views = frame(images, settings, generator, rows)
    views = change_background(views, settings, generator, rows)
    views = recolour(views, settings, generator, rows)
    views = reduce_resolution(views, settings, generator, rows)
    views = blur(views, settings, generator, rows)
    return recompress(views, settings, generator, rows)


def frame(images: Tensor, settings: AugmentationSettings, generator: Generator, rows: Rows | None = None) -> Tensor:
    """Show a random rectangle of the image, or of the paper around it, at the image's size."""
    rows = rows or all_rows(images)
    area = rows.uniform(settings.crop_scale, settings.zoom_out, generator)
    ratio = torch.exp(rows.uniform(-1, 1, generator) * math.log1p(settings.stretch))
    width, height = (area * ratio).sqrt(), (area / ratio).sqrt()  # of the rectangle, in image sides
    if settings.zoom_out == 1:
        width, height = width.clamp(max=1), height.clamp(max=1)  # no paper, even where a large crop is a stretched one
    mirrored = torch.where(rows.uniform(0, 1, generator) < settings.flip, -1.0, 1.0)
    theta = torch.zeros(len(images), 2, 3)
    theta[:, 0, 0], theta[:, 1, 1] = width * mirrored, height
    theta[:, 0, 2] = (1 - width) * rows.uniform(-1, 1, generator)
    theta[:, 1, 2] = (1 - height) * rows.uniform(-1, 1, generator)
    grid = F.affine_grid(theta.to(images.device), list(images.shape), align_corners=False)
    return 1 - F.grid_sample(1 - images, grid, align_corners=False)  # zeros outside become white


def change_background(
    images: Tensor, settings: AugmentationSettings, generator: Generator, rows: Rows | None = None
) -> Tensor:
    """Lay some images on tinted paper: white becomes the tint, and ink is multiplied by it, as on a printed page."""
    rows = rows or all_rows(images)
    tint = torch.stack([rows.uniform(PALEST, 1, generator) for _ in range(3)], dim=1)
    tint[~rows.chosen(settings.background, generator).flatten()] = 1
    return images * tint[:, :, None, None].to(images.device)


def recolour(images: Tensor, settings: AugmentationSettings, generator: Generator, rows: Rows | None = None) -> Tensor:
    """Change brightness, contrast, saturation and hue by one matrix for each image; some turn gray, some negative."""
    rows = rows or all_rows(images)
    jittered = torch.ones(len(images))
    if settings.jitter < 1:  # no draw otherwise: trainings from before this setting stay what they were
        jittered = rows.chosen(settings.jitter, generator).float()
    brightness = 1 + jittered * settings.brightness * rows.uniform(-1, 1, generator)
    contrast = 1 + jittered * settings.contrast * rows.uniform(-1, 1, generator)
    saturation = 1 + jittered * settings.saturation * rows.uniform(-1, 1, generator)
    saturation[rows.chosen(settings.grayscale, generator)] = 0
    matrix = _hue_rotation(jittered * settings.hue * rows.uniform(-1, 1, generator))
    gray = torch.tensor(LUMA).expand(3, 3)
    matrix = gray + saturation[:, None, None] * (matrix - gray)
    matrix = matrix * (brightness * contrast)[:, None, None]
    offset = ((1 - contrast) * 0.5)[:, None, None, None]  # contrast pulls towards middle gray
    changed = torch.einsum("nij,njhw->nihw", matrix.to(images.device), images) + offset.to(images.device)
    changed = changed.clamp_(0, 1)
    if settings.invert:  # no draw otherwise: trainings from before this setting stay what they were
        negative = rows.chosen(settings.invert, generator).to(images.device)[:, None, None, None]
        changed = torch.where(negative, 1 - changed, changed)
    return changed


def reduce_resolution(
    images: Tensor, settings: AugmentationSettings, generator: Generator, rows: Rows | None = None
) -> Tensor:
    """Reduce some images and enlarge them again, each part of the batch by a size and filters of its own."""
    rows = rows or all_rows(images)
    views = images.clone()
    side = images.shape[-1]
    for part in torch.arange(rows.batch).chunk(PARTS):
        share = math.exp(float(_uniform(1, math.log(settings.smallest), 0, generator)))
        down, up = (int(i) for i in torch.randint(0, 3, (2,), generator=generator))
        members = part[_chosen(len(part), settings.resolution, generator)]
        members = members[rows.holds(members)] - rows.start
        if not len(members):
            continue
        small = F.interpolate(images[members], (max(2, round(share * side)),) * 2, **_filter(REDUCTIONS[down], True))
        views[members] = F.interpolate(small, (side, side), **_filter(ENLARGEMENTS[up], False)).clamp_(0, 1)
    return views


def blur(images: Tensor, settings: AugmentationSettings, generator: Generator, rows: Rows | None = None) -> Tensor:
    """Blur some images by a Gaussian, each by a width of its own."""
    rows = rows or all_rows(images)
    kernels = gaussian_kernels(
        rows.uniform(0.1, max(settings.sigma, 0.1), generator), radius=math.ceil(2 * settings.sigma)
    )
    unchanged = torch.zeros(kernels.shape[1])
    unchanged[len(unchanged) // 2] = 1
    return convolve(images, torch.where(rows.chosen(settings.blur, generator)[:, None], kernels, unchanged))


def recompress(
    images: Tensor, settings: AugmentationSettings, generator: Generator, rows: Rows | None = None
) -> Tensor:
    """Put some images through JPEG, each at a quality of its own."""
    rows = rows or all_rows(images)
    views = images.clone()
    chosen = torch.nonzero(_chosen(rows.batch, settings.jpeg, generator)).flatten()
    quality = _uniform(len(chosen), settings.quality, 95, generator)[rows.holds(chosen)]
    here = chosen[rows.holds(chosen)] - rows.start
    views[here] = compress(views[here], quality)
    return views


def _chosen(n: int, share: float, generator: Generator) -> Tensor:
    """Which of `n` an augmentation befalls, bool `[n]`."""
    return torch.rand(n, generator=generator) < share


def _uniform(n: int, low: float, high: float, generator: Generator) -> Tensor:
    return low + (high - low) * torch.rand(n, generator=generator)


def _hue_rotation(turns: Tensor) -> Tensor:
    """Rotations about the gray axis of the RGB cube (Rodrigues' formula), `[N]` to `[N, 3, 3]`."""
    angle = (2 * math.pi * turns)[:, None, None]
    cross = torch.tensor([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / math.sqrt(3)
    return torch.eye(3) * angle.cos() + cross * angle.sin() + (1 - angle.cos()) / 3


def _filter(mode: str, antialias: bool) -> dict[str, Any]:
    return {"mode": mode} | ({"antialias": antialias} if mode in ("bilinear", "bicubic") else {})
