"""Draw what CRAFT found over a picture: words framed, their characters framed finer."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from craft.boxes import Box
from craft.letterbox import Pixels

WORD = (214, 40, 57)
CHARACTER = (29, 120, 214)


def draw_boxes(image: Pixels, boxes: Sequence[Box], side: int = 256) -> Image.Image:
    """Enlarge or shrink a picture to a long side and frame its words (red, 2 pixels) and characters (blue, 1 pixel).

    Args:
        image: uint8 RGB `[h, w, 3]`, the picture that was given to the detector.
        boxes: words and characters in its pixels.
        side: long side of the result in pixels, so that the frames are as thick on a small icon as on a large logo.
    """
    scale = side / max(image.shape[:2])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    drawn = Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(drawn)
    for box in sorted(boxes, key=lambda box: box.kind):  # characters first, so that words lie on top
        left, top = min(round(box.left * scale), size[0] - 1), min(round(box.top * scale), size[1] - 1)
        right, bottom = max(left, round(box.right * scale) - 1), max(top, round(box.bottom * scale) - 1)
        colour, width = (WORD, 2) if box.kind == "word" else (CHARACTER, 1)
        pen.rectangle((left, top, right, bottom), outline=colour, width=width)
    return drawn
