"""Copies as one collection makes them of another's logos: smaller, as JPEG, with a margin, or slightly cropped."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from data.images import WHITE
from data.sample.drawing import encode, flatten

_MIN_SIDE = 20


@dataclass(frozen=True)
class Change:
    """What was done to a picture to make a copy of it; None = not done.

    Attributes:
        scale: new size over old, 0.3 to 0.7.
        quality: of the JPEG.
        margin: share of the long side added on each side; negative = cut off.
    """

    scale: float | None = None
    quality: int | None = None
    margin: float | None = None

    def __str__(self) -> str:
        """The change in words, for the truth table."""
        words = []
        if self.margin is not None:
            words.append("padded" if self.margin > 0 else "cropped")
        if self.scale is not None:
            words.append("resized")
        if self.quality is not None:
            words.append("jpeg")
        return "+".join(words)


def draw_change(random: np.random.Generator, width: int, height: int) -> Change:
    """Choose what to do to a picture of this size: mostly one thing, in a quarter of the cases resized and as JPEG."""
    kind = random.choice(["resized", "jpeg", "resized+jpeg", "padded", "cropped"], p=[0.3, 0.15, 0.25, 0.15, 0.15])
    scale, quality = round(random.uniform(0.3, 0.7), 3), int(random.integers(55, 93))
    padding, cropping = round(random.uniform(0.03, 0.12), 3), round(random.uniform(0.01, 0.04), 3)
    if "resized" in kind:
        if min(width, height) * scale < _MIN_SIDE:
            return Change(quality=quality)
        return Change(scale=scale, quality=quality if kind == "resized+jpeg" else None)
    if kind == "jpeg":
        return Change(quality=quality)
    return Change(margin=padding if kind == "padded" else -cropping)


def copy(image: Image.Image, change: Change) -> bytes:
    """Encode a changed copy of a picture.

    Args:
        image: mode RGBA, RGB, P, L or LA.
        change: what to do to it.
    """
    if image.mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    if change.margin is not None:
        margin = max(1, round(max(image.size) * abs(change.margin)))
        clear = {"RGBA": (*WHITE, 0), "RGB": WHITE, "LA": (255, 0), "L": (255,)}[image.mode]
        image = ImageOps.expand(image, margin, clear) if change.margin > 0 else ImageOps.crop(image, margin)
    if change.scale is not None:
        width, height = (max(1, round(side * change.scale)) for side in image.size)
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    return encode(image) if change.quality is None else encode(flatten(image), change.quality)
