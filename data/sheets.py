"""Many pictures on one sheet, to look at."""

from collections.abc import Sequence
from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from data.images import WHITE, flatten
from data.pixels import thumbnail_square

_INK = (60, 64, 72)
_CAPTION_PX = 10


def contact_sheet(
    images: Sequence[NDArray[np.uint8]],
    columns: int,
    tile: int,
    captions: Sequence[str] | None = None,
    heads: Sequence[str] | None = None,
    sides: Sequence[str] | None = None,
) -> Image.Image:
    """Lay pictures out in rows on white, each fitted into a square tile with a white gap around it.

    Args:
        images: pictures `[H, W, 3]`, or `[H, W, 4]` with alpha, of any sizes.
        columns: tiles in a row.
        tile: side of a tile in px.
        captions: one short line under each tile, cut to the tile's width; None = no captions.
        heads: one short line over each column; None = no heads.
        sides: a few words left of each row, in one or more lines; None = no sides.

    Returns:
        The sheet, mode RGB.
    """
    if columns < 1 or tile < 1:
        raise ValueError(f"A sheet of {columns} columns of {tile} px shows nothing: both must be at least 1.")
    gap = max(2, tile // 12)
    line = _CAPTION_PX + 6 if captions is not None else 0
    rows = max(1, -(-len(images) // columns))
    font = _font()
    above = _CAPTION_PX + 6 if heads is not None else 0
    beside = gap + max(_width(side, font) for side in sides) if sides else 0
    size = (beside + gap + columns * (tile + gap), above + gap + rows * (tile + line + gap))
    sheet = Image.new("RGB", size, WHITE)
    draw = ImageDraw.Draw(sheet)

    for column, head in enumerate(heads or ()):
        middle = beside + gap + column * (tile + gap) + tile / 2
        draw.text((middle, gap), _shorten(head, tile, font), fill=_INK, font=font, anchor="ma")
    for row, side in enumerate(sides or ()):
        middle = above + gap + row * (tile + line + gap) + tile / 2
        draw.multiline_text((gap, middle), side, fill=_INK, font=font, anchor="lm")
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        left, top = beside + gap + column * (tile + gap), above + gap + row * (tile + line + gap)
        sheet.paste(Image.fromarray(thumbnail_square(Image.fromarray(flatten(image)), tile)), (left, top))
        if captions is not None:
            text = _shorten(captions[index], tile, font)
            draw.text((left + tile / 2, top + tile + 3), text, fill=_INK, font=font, anchor="ma")
    return sheet


def _font() -> ImageFont.FreeTypeFont:
    """The font that matplotlib brings along: Pillow's own has no letters with accents, nor Greek or Cyrillic ones."""
    import matplotlib  # takes a moment to load

    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", _CAPTION_PX)


def _width(text: str, font: ImageFont.FreeTypeFont) -> int:
    """The width in px of the longest line."""
    return ceil(max(font.getlength(line) for line in text.split("\n")))


def _shorten(text: str, width: int, font: ImageFont.FreeTypeFont) -> str:
    """Cut a caption to a width in px, with an ellipsis."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"
