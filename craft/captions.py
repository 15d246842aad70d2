"""Marks with a small caption: pictures that collections hold and a set of icons does not, made to learn from.

A name of a few pixels' height under a mark is text like any other, but easily overlooked by who looks at half the size.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from craft.letterbox import Pixels, background_colour

SIDE = 384  # px of the pictures that are made
HEIGHTS = (0.045, 0.14)  # of the caption's type, as shares of the side
FONTS = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSerif", "DejaVuSansMono", "STIXGeneral")
SYLLABLES = tuple(
    a + b for a in ("b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "st", "cr") for b in "aeiou"
)


def captioned(picture: Pixels, random: np.random.Generator) -> Pixels:
    """A mark with a made-up name below it, or sometimes above, on the picture's own background.

    Args:
        picture: RGB `[h, w, 3]`.
        random: draws the name, its type, size, colour and place.

    Returns:
        RGB `[SIDE, SIDE, 3]`.
    """
    background = tuple(int(level) for level in background_colour(picture))
    canvas = Image.new("RGB", (SIDE, SIDE), background)
    pen = ImageDraw.Draw(canvas)
    height = random.uniform(*HEIGHTS) * SIDE
    font = ImageFont.truetype(_font_file(str(random.choice(FONTS))), round(height))
    name = made_up_name(random)
    left, top, right, bottom = pen.textbbox((0, 0), name, font=font)
    gap = random.uniform(0.3, 1.2) * height

    room = SIDE - (bottom - top) - gap - random.uniform(0.02, 0.1) * SIDE
    mark = Image.fromarray(picture)
    mark.thumbnail((int(room),) * 2, Image.Resampling.BICUBIC)
    taken = mark.height + gap + bottom - top
    start = (SIDE - taken) / 2
    above = random.random() < 0.15
    mark_top = start + (bottom - top + gap if above else 0)
    text_top = start if above else start + mark.height + gap
    canvas.paste(mark, ((SIDE - mark.width) // 2, round(mark_top)))
    pen.text(((SIDE - right - left) / 2, text_top - top), name, fill=_colour(picture, background, random), font=font)
    return np.asarray(canvas)


def made_up_name(random: np.random.Generator) -> str:
    """A name of one or two words that no language has, in one of the usual spellings."""
    words = ["".join(random.choice(SYLLABLES, random.integers(2, 5))) for _ in range(random.integers(1, 3))]
    name = " ".join(words)
    return str(random.choice([name, name.title(), name.upper(), name.title()]))


def _colour(picture: Pixels, background: tuple[int, ...], random: np.random.Generator) -> tuple[int, ...]:
    """Black, white, gray, or a colour of the mark, whichever is drawn and can be read on the background."""
    pixels = picture.reshape(-1, 3)
    drawn = [(0, 0, 0), (90, 90, 90), tuple(int(v) for v in pixels[random.integers(len(pixels))])]
    colour = drawn[random.integers(len(drawn))]
    contrast = abs(int(np.mean(colour)) - int(np.mean(background)))
    return colour if contrast > 80 else ((255, 255, 255) if np.mean(background) < 128 else (0, 0, 0))


def _font_file(name: str) -> str:
    """A font that matplotlib brings along."""
    return str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf")
