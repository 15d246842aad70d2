"""Bytes from anywhere become a picture in one of four modes, or are turned away with a reason."""

import hashlib
import io
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from PIL import Image, UnidentifiedImageError

RGB = tuple[int, int, int]
WHITE: RGB = (255, 255, 255)

# Encoded bytes of one image that are read at most: an uncompressed picture of Limits.max_pixels still fits.
MAX_ENCODED_BYTES = 256 * 2**20

# Pillow raises above twice its limit, also for a picture nested in an ICO, whose size no header check of ours sees.
_HARD_MAX_PIXELS = 100_000_000
Image.MAX_IMAGE_PIXELS = _HARD_MAX_PIXELS // 2

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


class Reason(StrEnum):
    """Why an image was turned away; the closed list that the quarantine table and the funnel use."""

    unreadable = "unreadable"
    truncated = "truncated"
    too_small = "too_small"
    too_large = "too_large"
    bomb = "bomb"
    blank = "blank"
    unsupported = "unsupported"
    path_escape = "path_escape"


class Rejected(ValueError):
    """An image that does not enter the table.

    Attributes:
        reason: one of the closed list.
        detail: what was found, for people; one line.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Limits:
    """Sizes that a picture may have, checked on its header before a pixel is decoded.

    Attributes:
        min_side: the shorter side is at least this many px.
        max_side: the longer side is at most this many px.
        max_pixels: width times height is at most this; more is called a bomb. At most 100 million.
    """

    min_side: int = 16
    max_side: int = 10_000
    max_pixels: int = 50_000_000

    def __post_init__(self) -> None:
        """Refuse limits that nothing could satisfy or that memory could not."""
        if not 1 <= self.min_side <= self.max_side:
            raise ValueError(f"min_side is {self.min_side}, but must lie between 1 and max_side ({self.max_side}).")
        if not self.min_side**2 <= self.max_pixels <= _HARD_MAX_PIXELS:
            raise ValueError(
                f"max_pixels is {self.max_pixels}, but must lie between min_side squared and {_HARD_MAX_PIXELS}."
            )

    def check(self, width: int, height: int) -> None:
        """Raise Rejected when a picture of this size is outside the limits."""
        size = f"{width} x {height} px"
        if width * height > self.max_pixels:
            raise Rejected(Reason.bomb, f"{size}, more than {self.max_pixels} pixels")
        if max(width, height) > self.max_side:
            raise Rejected(Reason.too_large, f"{size}, a side is longer than {self.max_side} px")
        if min(width, height) < self.min_side:
            raise Rejected(Reason.too_small, f"{size}, a side is shorter than {self.min_side} px")


# For bytes that were admitted once already, under whatever limits that run had.
ADMITTED = Limits(min_side=1, max_side=_HARD_MAX_PIXELS, max_pixels=_HARD_MAX_PIXELS)


def decode(data: bytes, limits: Limits) -> Image.Image:
    """Decode the first frame of an encoded image, upright, in one of the four modes L, LA, RGB and RGBA.

    Palettes, 16 bit, CMYK and the like are resolved to the mode that holds them; 16-bit gray keeps its upper 8 bits.
    PNG, JPEG, WebP, GIF, BMP, ICO (the largest picture) and TIFF are read, whatever the file is called.

    Args:
        data: the encoded image.
        limits: sizes that are accepted, checked before decoding.

    Returns:
        A picture in memory that holds no reference to `data`.

    Raises:
        Rejected: the bytes are no picture, not a whole one, or one outside the limits.
    """
    if len(data) > MAX_ENCODED_BYTES:
        raise Rejected(Reason.bomb, f"{len(data)} encoded bytes, more than {MAX_ENCODED_BYTES}")
    if not data:
        raise Rejected(Reason.truncated, "the file is empty")
    # Pillow's decoders raise nearly every built-in exception on garbage (struct.error, zlib.error, SyntaxError,
    # KeyError, TypeError, ...), so everything that is not ours is caught here and becomes a reason.
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
            limits.check(*opened.size)
            opened.load()
            limits.check(*opened.size)
            return _resolve_mode(_upright(opened))
    except Rejected:
        raise
    except Exception as error:
        raise _rejection(data, error) from error


def flatten(image: Image.Image, background: RGB = WHITE) -> Image.Image:
    """Composite a decoded picture over a background colour.

    Args:
        image: mode L, LA, RGB or RGBA, as `decode` returns it.
        background: colour where the picture is transparent, 0 to 255 per channel.

    Returns:
        A picture of mode RGB and the same size.
    """
    if "A" not in image.mode:
        return image.convert("RGB")
    canvas = Image.new("RGBA", image.size, (*background, 255))
    canvas.alpha_composite(image.convert("RGBA"))
    return canvas.convert("RGB")


def is_blank(image: Image.Image, background: RGB = WHITE) -> bool:
    """Whether a picture shows nothing over a background: one colour, fully transparent, or white on white."""
    extrema = flatten(image, background).getextrema()
    return all(high - low <= _BLANK_RANGE for low, high in extrema)  # type: ignore[misc]


def pixel_sha256(image: Image.Image) -> str:
    """Identity of what a picture shows, whatever mode and file format carried it.

    Args:
        image: mode L, LA, RGB or RGBA, as `decode` returns it.

    Returns:
        Hex sha256 over mode, size and bytes of the RGBA form, with the invisible colour under zero alpha set to black.
    """
    pixels = np.array(image.convert("RGBA"))  # [H, W, 4]
    pixels[pixels[..., 3] == 0] = 0
    head = f"RGBA {image.width} {image.height} ".encode()
    return hashlib.sha256(head + pixels.tobytes()).hexdigest()


def _upright(image: Image.Image) -> Image.Image:
    """Undo the rotation that a camera recorded in EXIF."""
    try:
        orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
    except Exception:  # a damaged EXIF block does not make the picture unusable
        orientation = 1
    undo = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return image if undo is None else image.transpose(undo)


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
        return Rejected(Reason.bomb, f"more than {_HARD_MAX_PIXELS} pixels")
    # WebP's decoder says nothing about what is wrong, but its container says how long it should be.
    is_short_webp = data[8:12] == b"WEBP" and int.from_bytes(data[4:8], "little") + 8 > len(data)
    if isinstance(error, UnidentifiedImageError) and not is_short_webp:
        return _unidentified(data)
    message = str(error)
    cut_off = is_short_webp or isinstance(error, EOFError) or "truncated" in message.lower()
    return Rejected(Reason.truncated if cut_off else Reason.unreadable, f"{type(error).__name__}: {message}"[:200])


def _unidentified(data: bytes) -> Rejected:
    """Tell a format that is not read from bytes that are no picture."""
    for offset, magic, name in _UNSUPPORTED:
        if data[offset : offset + len(magic)] == magic:
            return Rejected(Reason.unsupported, f"{name} is not read: convert it to PNG")
    if b"<svg" in data[:1024]:
        return Rejected(Reason.unsupported, "SVG is not read: convert it to PNG")
    return Rejected(Reason.unreadable, f"no known image format, starts with {data[:8]!r}")
