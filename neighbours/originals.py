"""Which of several pictures of one mark to keep: the one that shows the most of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neighbours.sharpness import sharpness

RAW, LOSSLESS_WEBP = "raw pixels", "lossless WebP"
CODECS = {
    b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", b"GIF8": "GIF", b"BM": "BMP", b"II*\x00": "TIFF", b"MM\x00*": "TIFF",
    b"\x00\x00\x01\x00": "ICO", b"<": "SVG",
}  # fmt: skip
LOSSLESS = {RAW, LOSSLESS_WEBP, "PNG", "BMP", "TIFF", "ICO", "SVG"}  # not GIF: it has 256 colours
PAPER = 230  # levels from which on it is background: JPEG leaves darker marks than white around the mark
SAME_SIZE = 0.95  # marks within five per cent are of one size: cropping and rounding alone make such differences
SAME_DETAIL = 0.85  # and within fifteen show the same: sharpness is an estimate


@dataclass(frozen=True)
class Original:
    """What decides which picture of a group is kept.

    Attributes:
        side: longer side of the picture, in px.
        mark: longer side of the box around its mark, in px; padding makes no logo larger.
        sharpness: share of that which is more than enlargement, 0..1 (`neighbours.sharpness`).
        codec: its format; lossless and lossy WebP are two.
        bytes_per_pixel: size of the file over the number of pixels; more is less compressed, within a format.
        priority: rank of its source, 0 first.
    """

    side: int
    mark: int
    sharpness: float
    codec: str
    bytes_per_pixel: float
    priority: int

    @property
    def detail(self) -> float:
        """Longer side of the mark at which it would still show all it shows, in px."""
        return self.mark * self.sharpness

    @classmethod
    def of(cls, pixels: NDArray[np.uint8], data: bytes, priority: int) -> Original:
        """Of a picture, RGB `[H, W, 3]` on white, and the file that it was read from; empty for raw pixels."""
        height, width = pixels.shape[:2]
        return cls(
            side=max(height, width),
            mark=mark_side(pixels),
            sharpness=sharpness(pixels),
            codec=codec_of(data),
            bytes_per_pixel=len(data) / (height * width),
            priority=priority,
        )


def choose(members: Sequence[int], originals: Sequence[Original]) -> tuple[int, str]:
    """Which picture of a group to keep, and why.

    The one with the most detail; of several a lossless one, then the largest, then the least compressed, where all are
    of one format, then that of the first source, then the one with the least margin.

    Args:
        members: rows of the group.
        originals: what decides about each picture, `[N]`.

    Returns:
        The row kept, and the reason as a sentence.
    """
    most = max(originals[row].detail for row in members)
    best = [row for row in members if originals[row].detail >= SAME_DETAIL * most]
    largest = max(originals[row].mark for row in members)
    if len(best) == 1:
        mark = originals[best[0]].mark
        enlarged = " Larger ones were enlarged." if mark < SAME_SIZE * largest else ""
        return best[0], f"It shows the most detail: its mark is {mark} pixels long.{enlarged}"
    lossless = [row for row in best if originals[row].codec in LOSSLESS]
    if len(lossless) == 1:
        return lossless[0], "It is the only lossless one among those with the most detail."
    best = lossless or best
    largest = max(originals[row].mark for row in best)
    best = [row for row in best if originals[row].mark >= SAME_SIZE * largest]
    if len(best) == 1:
        return best[0], f"It is the largest: its mark is {largest} pixels long."
    if not lossless and len({originals[row].codec for row in best}) == 1:
        finest = max(originals[row].bytes_per_pixel for row in best)
        best = [row for row in best if originals[row].bytes_per_pixel == finest]
        if len(best) == 1:
            return best[0], "It is the least compressed among the largest."
    rank = min(originals[row].priority for row in best)
    first = [row for row in best if originals[row].priority == rank]
    kept = max(first, key=lambda row: (originals[row].mark / originals[row].side, originals[row].mark, -row))
    if len(first) < len(best):
        return kept, "It comes from the source with priority; others are as large and as little compressed."
    return kept, "Others are as large, as little compressed and from the same source: it has the least margin of them."


def codec_of(data: bytes) -> str:
    """The format of an encoded picture, by its bytes; RAW without any."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return LOSSLESS_WEBP if _webp_chunk(data) == b"VP8L" else "WebP"
    start = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")  # what may stand before the first tag of an SVG
    return next((name for first, name in CODECS.items() if start.startswith(first)), "another" if data else RAW)


def mark_side(pixels: NDArray[np.uint8]) -> int:
    """Longer side of the box around what is not background in RGB `[H, W, 3]`, in px; the whole where nothing is."""
    red, green, blue = (pixels[..., channel] < PAPER for channel in range(3))
    ink = red | green | blue
    lines = [np.flatnonzero(ink.any(axis=axis)) for axis in (0, 1)]
    return max(int(line[-1] - line[0]) + 1 if len(line) else ink.shape[1 - axis] for axis, line in enumerate(lines))


def _webp_chunk(data: bytes) -> bytes:
    """The chunk that holds the pixels of a WebP: VP8 or VP8L, the first one of an animation's."""
    at = 12
    while data[at : at + 4] not in (b"VP8 ", b"VP8L", b""):
        if data[at : at + 4] == b"ANMF":
            at += 24  # into the frame
            continue
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + size + size % 2
    return data[at : at + 4]
