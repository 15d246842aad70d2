"""From vector graphics to the kinds of PNG that the world sends, and what can be measured on a picture."""

import io
from dataclasses import dataclass

import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image

from data.pixels import thumbnail_square
from data.sample.icons import Icon

# How much two thumbnails must differ, in the root mean square over 16 x 16 x 3 values from 0 to 1: copies and their
# originals stay below 0.04 mostly, and a margin is left for what a change does to either of two logos.
_DISTINCT_RMS = 0.05
_THUMBNAIL = 16


@dataclass(frozen=True)
class Look:
    """What a picture shows on white.

    Attributes:
        ink: share of its pixels that differ from white.
        colour: share of the ink that is saturated.
        visible: share of the box around all opaque pixels that the box around the ink fills; low where a part is white.
        contrast: standard deviation over the places of a small thumbnail of the ink, channels pooled, 0 to 0.5.
        prints: two small thumbnails, of the whole picture and of its ink alone, each `[768]`, 0 to 1.
    """

    ink: float
    colour: float
    visible: float
    contrast: float
    prints: tuple[NDArray[np.float32], NDArray[np.float32]]


def rasterise(icon: Icon, long_side: int) -> Image.Image:
    """Draw an icon at a size in px, mode RGBA, transparent where it draws nothing."""
    left, top, width, height = icon.box
    scale = long_side / max(width, height)
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{max(1, round(width * scale))}" height="{max(1, round(height * scale))}" '
        f'viewBox="{left} {top} {width} {height}">{icon.body}</svg>'
    )
    png = resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True)
    return Image.open(io.BytesIO(bytes(png))).convert("RGBA")


def to_mode(image: Image.Image, mode: str) -> Image.Image:
    """Turn an RGBA picture into one of RGBA, RGB (on white), P, P with transparency ("PA"), L (on white) or LA."""
    if mode == "RGBA":
        return image
    if mode == "PA":
        return image.quantize(128, Image.Quantize.FASTOCTREE)
    if mode == "LA":
        return image.convert("LA")
    on_white = flatten(image)
    if mode == "P":
        return on_white.quantize(128, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    return on_white.convert(mode)


def flatten(image: Image.Image) -> Image.Image:
    """Composite a picture of any mode on white, mode RGB."""
    if "A" not in image.mode:
        return image.convert("RGB")
    canvas = Image.new("RGBA", image.size, "white")
    canvas.alpha_composite(image.convert("RGBA"))
    return canvas.convert("RGB")


def encode(image: Image.Image, quality: int | None = None) -> bytes:
    """Encode as PNG, or as JPEG of a quality."""
    buffer = io.BytesIO()
    if quality is None:
        image.save(buffer, "PNG", optimize=True)
    else:
        image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def look_at(image: Image.Image) -> Look:
    """Measure a picture of any mode on white."""
    rgba = image.convert("RGBA")
    rgb = flatten(rgba)
    pixels = np.asarray(rgb).astype(np.int16)
    inked = pixels.min(axis=2) < 235
    saturated = (pixels.max(axis=2) - pixels.min(axis=2) > 40) & inked
    ink_box = Image.fromarray(inked).getbbox() or (0, 0, *rgb.size)
    opaque_box = rgba.getchannel("A").point(lambda alpha: 255 * (alpha > 128)).getbbox() or (0, 0, *rgb.size)
    prints = tuple(
        (thumbnail_square(part, _THUMBNAIL).reshape(-1) / 255).astype(np.float32) for part in (rgb, rgb.crop(ink_box))
    )
    return Look(
        ink=float(inked.mean()),
        colour=float(saturated.sum() / max(1, inked.sum())),
        visible=_area(ink_box) / _area(opaque_box),
        contrast=float(np.sqrt(prints[1].reshape(-1, 3).var(axis=0).mean())),
        prints=(prints[0], prints[1]),
    )


def _area(box: tuple[int, int, int, int]) -> int:
    """Pixels in a box of left, top, right, bottom."""
    return (box[2] - box[0]) * (box[3] - box[1])


class Distinct:
    """The thumbnails of the pictures taken so far, to keep out whatever looks like one of them."""

    def __init__(self) -> None:
        self._taken = (np.empty((1024, 768), np.float32), np.empty((1024, 768), np.float32))
        self._count = 0

    def add(self, look: Look) -> bool:
        """Take a picture unless the whole of it, or its ink alone, is that of one taken already."""
        for taken, own in zip(self._taken, look.prints, strict=True):
            difference = taken[: self._count] - own
            if self._count and np.einsum("nd,nd->n", difference, difference).min() < _DISTINCT_RMS**2 * own.size:
                return False
        if self._count == len(self._taken[0]):
            self._taken = (np.tile(self._taken[0], (2, 1)), np.tile(self._taken[1], (2, 1)))
        for taken, own in zip(self._taken, look.prints, strict=True):
            taken[self._count] = own
        self._count += 1
        return True
