"""Copies of a picture as collections make them of one another's, to measure by how well copies are found.

Also what is no copy although it looks like one: the same picture in other colours.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

Pixels = NDArray[np.uint8]
"""RGB `[H, W, 3]`."""

SMALLEST = 16  # px: no copy is made with a shorter long side
_FILTERS = (
    Image.Resampling.BOX,
    Image.Resampling.BILINEAR,
    Image.Resampling.BICUBIC,
    Image.Resampling.LANCZOS,
)
_GRAY = np.full(3, 1 / 3)
_VISIBLE = 0.08  # mean difference of the inked pixels' colours, 0..1, from which on a recoloured logo is another one


def resized(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """A quarter to 0.7 of the size, by one of the common filters."""
    scale = max(random.uniform(0.25, 0.7), SMALLEST / max(image.size))
    size = [max(1, round(side * scale)) for side in image.size]
    return image.resize((size[0], size[1]), _FILTERS[random.integers(len(_FILTERS))])


def as_jpeg(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """Through JPEG of quality 30 to 90."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=int(random.integers(30, 91)))
    return Image.open(buffer)


def padded(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """With a white margin of 3 to 15 % of the long side."""
    margin = max(1, round(random.uniform(0.03, 0.15) * max(image.size)))
    return ImageOps.expand(image, margin, (255, 255, 255))


def cropped(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """Without 3 to 8 % of its width and height, cut off at any side."""
    width, height = image.size
    across, down = (round(side * random.uniform(0.03, 0.08)) for side in image.size)
    left, top = int(random.integers(across + 1)), int(random.integers(down + 1))
    return image.crop((left, top, left + width - across, top + height - down))


def blurred(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """By a Gaussian of 0.5 to 1.5 % of the long side."""
    return image.filter(ImageFilter.GaussianBlur(random.uniform(0.005, 0.015) * max(image.size)))


def quantised(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """With 8 to 32 colours, as GIF makers do."""
    return image.quantize(int(random.integers(8, 33)), dither=Image.Dither.NONE).convert("RGB")


def resized_as_jpeg(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """Smaller and through JPEG: what social networks make of an upload."""
    return as_jpeg(resized(image, random), random)


def shifted(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """Moved by 3 to 10 % of the long side in each direction, cut off there, and filled up with white."""
    across, down = (round(random.choice((-1, 1)) * random.uniform(0.03, 0.1) * max(image.size)) for _ in range(2))
    moved = Image.new("RGB", image.size, (255, 255, 255))
    moved.paste(image, (across, down))
    return moved


def mirrored(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """Left and right exchanged."""
    return ImageOps.mirror(image)


def gray(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """Without colours."""
    return image.convert("L").convert("RGB")


KINDS: dict[str, Callable[[Image.Image, np.random.Generator], Image.Image]] = {
    "resized": resized,
    "jpeg": as_jpeg,
    "resized+jpeg": resized_as_jpeg,
    "padded": padded,
    "cropped": cropped,
    "blurred": blurred,
    "quantised": quantised,
}
"""By name: from a picture, mode RGB, and a generator to a copy of it."""

DISGUISES = {"shifted": shifted, "gray": gray, "mirrored": mirrored}
"""The same for pictures that are no copies to a collection, but that nobody may take for a logo of his own."""


def make_copy(picture: Pixels, kind: str, random: np.random.Generator) -> Pixels:
    """A copy of a picture.

    Args:
        picture: RGB `[H, W, 3]` on white.
        kind: one of KINDS or DISGUISES.
        random: draws how strong the change is.
    """
    return np.array((KINDS | DISGUISES)[kind](Image.fromarray(picture), random).convert("RGB"))


def recolour(picture: Pixels, random: np.random.Generator) -> Pixels | None:
    """The same shape in other colours, which is a different logo: its hues turned by 60 to 300 degrees.

    Returns:
        RGB `[H, W, 3]`; None where turning hues changes little, because the picture is nearly gray.
    """
    angle = random.uniform(np.pi / 3, 5 * np.pi / 3)
    cross = np.cross(np.eye(3), _GRAY * np.sqrt(3))
    turn = np.eye(3) * np.cos(angle) + cross * np.sin(angle) + (1 - np.cos(angle)) * np.outer(_GRAY, np.ones(3))
    changed = np.clip(picture @ turn, 0, 255)
    ink = picture.min(axis=2) < 230
    if not ink.any() or np.abs(changed - picture)[ink].mean() < _VISIBLE * 255:
        return None
    rounded: Pixels = changed.round().astype(np.uint8)
    return rounded
