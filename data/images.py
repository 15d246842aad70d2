"""Bytes from anywhere become a picture in one of four modes, or are turned away with a reason."""

import hashlib
import io
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, UnidentifiedImageError

from data.limits import ADMITTED, HARD_MAX_PIXELS, MAX_ENCODED_BYTES, Limits, Reason, Rejected
from data.png import clear_pixels, decode_plain_png
from data.svg import is_svg, render_svg

__all__ = [
    "ADMITTED", "MAX_ENCODED_BYTES", "RGB", "WHITE", "Decoded", "Limits", "Pixels", "Reason", "Rejected", "decode",
    "flatten", "glimpse", "is_blank", "mode_of", "pixel_sha256", "views",
]  # fmt: skip

RGB = tuple[int, int, int]
WHITE: RGB = (255, 255, 255)
Pixels = NDArray[np.uint8]
"""A decoded picture: gray `[H, W]`, or `[H, W, C]` with gray and alpha, RGB, or RGBA."""

# Pillow raises above twice its limit, also for a picture nested in an ICO, whose size no header check of ours sees.
Image.MAX_IMAGE_PIXELS = HARD_MAX_PIXELS // 2

# Only decoders that are in-process and bounded: Pillow would otherwise hand EPS to Ghostscript.
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "ICO", "TIFF")

# What people mistake for a supported format, by (offset, first bytes), so that the reason can name it.
_UNSUPPORTED = (
    (0, b"8BPS", "Photoshop"),
    (0, b"%PDF", "PDF"),
    (0, b"%!PS", "PostScript"),
    (0, b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x0a", "JPEG XL"),
    (4, b"ftypavif", "AVIF"),
    (4, b"ftypheic", "HEIC"),
    (4, b"ftypmif1", "HEIF"),
)

# Without content, each channel of a flattened picture spans at most this many of 255 levels (JPEG noise stays below).
_BLANK_RANGE = 8

# White on nothing: levels from which on a pixel is opaque and white, and the share of pixels that makes it matter.
_OPAQUE, _NEARLY_WHITE, _FAIR_SHARE = 128, 235, 0.02

# A picture in quarantine that has more pixels is not looked at again.
_GLIMPSE_PIXELS = 25_000_000

# EXIF orientation 2 to 8 → what undoes it.
_EXIF_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Pillow's other modes → the one of ours that holds them.
_HOLDS = {"1": "L", "P": "RGB", "La": "LA", "PA": "RGBA", "RGBa": "RGBA", "RGBX": "RGB", "CMYK": "RGB", "YCbCr": "RGB"}

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}  # by channels


@dataclass(frozen=True, slots=True)
class Decoded:
    """A picture, upright.

    Attributes:
        pixels: of the first frame or page.
        animated: whether there are more.
    """

    pixels: Pixels
    animated: bool = False


def decode(data: bytes, limits: Limits) -> Decoded:
    """Decode the first frame of an encoded image, upright, in one of the four modes L, LA, RGB and RGBA.

    Palettes, 16 bit, CMYK and the like are resolved to the mode that holds them; 16-bit gray keeps its upper 8 bits.
    PNG, JPEG, WebP, GIF, BMP, ICO (the largest picture), TIFF and SVG are read, whatever the file is called.

    Args:
        data: the encoded image.
        limits: sizes that are accepted, checked before decoding.

    Raises:
        Rejected: the bytes are no picture, not a whole one, or one outside the limits.
    """
    if len(data) > MAX_ENCODED_BYTES:
        raise Rejected(Reason.bomb, f"{len(data)} encoded bytes, more than {MAX_ENCODED_BYTES}")
    if not data:
        raise Rejected(Reason.truncated, "the file is empty")
    if (plain := decode_plain_png(data, limits)) is not None:
        return Decoded(plain)
    # Pillow's decoders raise nearly every built-in exception on garbage (struct.error, zlib.error, SyntaxError,
    # KeyError, TypeError, ...), so everything that is not ours is caught here and becomes a reason.
    try:
        encoded = render_svg(data) if is_svg(data) else data
        with Image.open(io.BytesIO(encoded), formats=_FORMATS) as opened:
            limits.check(*opened.size)
            opened.load()
            limits.check(*opened.size)
            inverted = opened.format == "JPEG" and opened.mode == "CMYK" and "adobe" not in opened.info
            image = ImageChops.invert(opened) if inverted else opened  # Pillow takes all inks for Adobe's, upside down
            if (clear := clear_pixels(encoded, image)) is not None:
                image = _without(image, clear)
            return Decoded(np.array(_resolve_mode(_upright(image))), bool(getattr(opened, "is_animated", False)))
    except Rejected:
        raise
    except Exception as error:
        raise _rejection(data, error) from error


def glimpse(data: bytes) -> Pixels | None:
    """What can be seen of an image that was turned away, RGB `[H, W, 3]`; None where that is nothing."""
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
            if opened.width * opened.height > _GLIMPSE_PIXELS:
                return None
            try:
                opened.load()
            except OSError:
                opened.tile = []  # what was decoded until then stays
            return flatten(np.array(_resolve_mode(opened)))
    except Exception:  # it was turned away for a reason
        return None


def mode_of(pixels: Pixels) -> str:
    """L, LA, RGB or RGBA."""
    return _MODES[1 if pixels.ndim == 2 else pixels.shape[2]]


def picture(planes: NDArray[np.uint8]) -> Pixels:
    """Planes `[C, H, W]`, as networks draw them, as a picture: `[H, W]` where there is one, else `[H, W, C]`."""
    return planes[0] if len(planes) == 1 else planes.transpose(1, 2, 0)


def flatten(pixels: Pixels, background: RGB = WHITE) -> Pixels:
    """Composite a decoded picture over a background colour, or its opposite where nothing would be seen over that.

    Args:
        pixels: as `decode` gives them.
        background: colour where the picture is transparent, 0 to 255 per channel.

    Returns:
        RGB `[H, W, 3]`.
    """
    mode = mode_of(pixels)
    if mode == "RGB":
        return pixels
    image = Image.fromarray(pixels)
    if mode == "L":
        return np.array(image.convert("RGB"))
    over = _composite(image, background)
    if _is_flat(over) and not _is_flat(pixels[..., -1]):  # a white logo for dark pages
        red, green, blue = background
        return _composite(image, (255 - red, 255 - green, 255 - blue))
    return over


def views(pixels: Pixels) -> list[Pixels]:
    """What is to be seen of a decoded picture, whatever page it is laid on.

    Returns:
        RGB `[H, W, 3]`: over white, and over black as well where a fair share of it would not be seen on white.
    """
    flat = flatten(pixels)
    if mode_of(pixels) not in ("LA", "RGBA"):
        return [flat]
    opaque = pixels[..., -1] > _OPAQUE
    white = opaque & (pixels[..., :-1].min(axis=2) > _NEARLY_WHITE)
    clear_share, white_share = 1 - opaque.mean(), white.sum() / max(1, opaque.sum())
    if clear_share < _FAIR_SHARE or white_share < _FAIR_SHARE:
        return [flat]
    return [flat, _composite(Image.fromarray(pixels), (0, 0, 0))]


def is_blank(pixels: Pixels) -> bool:
    """Whether a picture shows nothing over any background: one colour, or fully transparent."""
    if mode_of(pixels) in ("L", "RGB"):
        return _is_flat(pixels)
    alpha = pixels[..., -1:].astype(np.uint16)
    visible = (pixels[..., :-1] * alpha // 255).astype(np.uint8)
    return _is_flat(pixels[..., -1]) and _is_flat(visible)


def pixel_sha256(pixels: Pixels) -> str:
    """Identity of what a picture shows, whatever mode and file format carried it.

    Args:
        pixels: as `decode` gives them.

    Returns:
        Hex sha256 over size and bytes: RGB where nothing is transparent, else RGBA, with the invisible colour under
        zero alpha set to black.
    """
    mode = mode_of(pixels)
    if mode in ("LA", "RGBA") and pixels[..., -1].min() == 255:
        pixels, mode = (pixels[..., :-1], "RGB") if mode == "RGBA" else (pixels[..., 0], "L")
    shown = "RGBA" if mode in ("LA", "RGBA") else "RGB"
    if mode != shown:
        pixels = np.array(Image.fromarray(pixels).convert(shown))
    if shown == "RGBA":
        pixels = np.where(pixels[..., 3:] == 0, np.uint8(0), pixels)
    height, width = pixels.shape[:2]
    digest = hashlib.sha256(f"{shown} {width} {height} ".encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def _composite(image: Image.Image, background: RGB) -> Pixels:
    """A picture with alpha over a colour, `[H, W, 3]`."""
    canvas = Image.new("RGBA", image.size, (*background, 255))
    canvas.alpha_composite(image.convert("RGBA"))
    return np.array(canvas.convert("RGB"))


def _is_flat(pixels: Pixels) -> bool:
    """Whether each channel spans few levels; a look at some pixels, or at a row and a column, settles it for most."""
    by_channel = pixels.reshape(*pixels.shape[:2], -1)
    height, width, channels = by_channel.shape
    parts = (
        by_channel[:: height // 8 + 1, :: width // 8 + 1].reshape(-1, channels),
        by_channel[height // 2],
        by_channel[:, width // 2],
        by_channel.reshape(-1, channels),
    )
    return all((part.max(axis=0).astype(int) - part.min(axis=0) <= _BLANK_RANGE).all() for part in parts)


def _upright(image: Image.Image) -> Image.Image:
    """Undo the rotation that a camera recorded in EXIF."""
    try:
        orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
    except Exception:  # a damaged EXIF block does not make the picture unusable
        orientation = 1
    undo = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return image if undo is None else image.transpose(undo)


def _without(image: Image.Image, clear: NDArray[np.bool_]) -> Image.Image:
    """A gray or RGB picture, some pixels of which are transparent, `[H, W]`; what else is known of it stays."""
    info = {name: value for name, value in image.info.items() if name != "transparency"}
    image.info = info
    with_alpha = _resolve_mode(image).convert("RGBA")
    with_alpha.putalpha(Image.fromarray(np.where(clear, np.uint8(0), np.uint8(255))))
    with_alpha.info = info
    return with_alpha


def _resolve_mode(image: Image.Image) -> Image.Image:
    """Convert to L, LA, RGB or RGBA, whichever holds the picture."""
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("L", "RGB", "P", "1") and "transparency" in image.info:
        return image.convert("RGBA")
    if image.mode in ("L", "LA", "RGB", "RGBA"):
        return image.copy()
    if image.mode not in _HOLDS:
        raise Rejected(Reason.unsupported, f"pixels of type {image.mode}")
    return image.convert(_HOLDS[image.mode])


def _rejection(data: bytes, error: Exception) -> Rejected:
    """Name the reason behind an exception of Pillow's."""
    if isinstance(error, Image.DecompressionBombError):
        return Rejected(Reason.bomb, f"more than {HARD_MAX_PIXELS} pixels")
    # WebP's decoder says nothing about what is wrong, but its container says how long it should be.
    is_short_webp = data[8:12] == b"WEBP" and int.from_bytes(data[4:8], "little") + 8 > len(data)
    if isinstance(error, UnidentifiedImageError) and not is_short_webp:
        return _unidentified(data)
    message = re.sub(r" at 0x[0-9a-f]+", "", str(error))  # an address would make each run's table another
    cut_off = is_short_webp or isinstance(error, EOFError) or "truncated" in message.lower()
    return Rejected(Reason.truncated if cut_off else Reason.unreadable, f"{type(error).__name__}: {message}"[:200])


def _unidentified(data: bytes) -> Rejected:
    """Tell a format that is not read from bytes that are no picture."""
    for offset, magic, name in _UNSUPPORTED:
        if data[offset : offset + len(magic)] == magic:
            return Rejected(Reason.unsupported, f"{name} is not read: convert it to PNG")
    return Rejected(Reason.unreadable, f"no known image format, starts with {data[:8]!r}")
