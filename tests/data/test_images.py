"""Decoding: pixels equal to independent arithmetic, everything else turned away with the right reason."""

import io
import resource
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from PIL import Image

from data.images import Limits, Pixels, Reason, Rejected, decode, flatten, is_blank, mode_of, pixel_sha256, views

Blocks = Callable[..., NDArray[np.uint8]]
Encode = Callable[..., bytes]


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png_of(width: int, height: int, depth: int, colour: int, packed: bytes) -> bytes:
    """A PNG file, written by hand from its header and its compressed rows."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def _one_bit_bomb(side: int) -> bytes:
    """A whole, valid PNG of black pixels, about a thousandth of a byte each."""
    packer = zlib.compressobj(9)
    row = bytes(1 + side // 8)
    return _png_of(side, side, 1, 0, b"".join([*(packer.compress(row) for _ in range(side)), packer.flush()]))


def _pixels(data: bytes) -> Pixels:
    return decode(data, Limits()).pixels


def _reason(data: bytes, limits: Limits | None = None) -> Reason:
    with pytest.raises(Rejected) as caught:
        decode(data, limits or Limits())
    return caught.value.reason


@pytest.mark.parametrize(
    ("kind", "channels"),
    [(kind, channels) for kind in ("PNG", "TIFF") for channels in (1, 2, 3, 4)] + [("WEBP", 3), ("WEBP", 4)],
)
def test_lossless_formats_give_back_the_pixels(blocks: Blocks, encode: Encode, kind: str, channels: int) -> None:
    pixels = blocks(40, 28, channels)
    if channels in (2, 4):
        pixels[..., -1] |= 1  # WebP forgets the colour under zero alpha
    options = {"lossless": True} if kind == "WEBP" else {}
    decoded = _pixels(encode(Image.fromarray(pixels.squeeze()), kind, **options))
    assert mode_of(decoded) == {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[channels]
    assert_array_equal(decoded, pixels.squeeze())


def test_a_palette_with_transparency_becomes_rgba(encode: Encode) -> None:
    indices = np.arange(256, dtype=np.uint8).reshape(16, 16) % 4
    image = Image.frombytes("P", (16, 16), indices.tobytes())
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9]], np.uint8)
    image.putpalette(colours.tobytes())
    decoded = _pixels(encode(image, transparency=bytes([255, 128, 0, 255])))
    expected = np.concatenate([colours[indices], np.array([255, 128, 0, 255], np.uint8)[indices][..., None]], axis=2)
    assert mode_of(decoded) == "RGBA"
    assert_array_equal(decoded, expected)


def test_one_bit_and_sixteen_bit_become_gray(encode: Encode) -> None:
    bits = np.indices((20, 20)).sum(axis=0) % 2 == 0
    assert_array_equal(_pixels(encode(Image.fromarray(bits))), bits * np.uint8(255))

    deep = (np.arange(400, dtype=np.uint16) * 163).reshape(20, 20)
    decoded = _pixels(encode(Image.fromarray(deep)))
    assert mode_of(decoded) == "L"
    assert_array_equal(decoded, (deep // 256).astype(np.uint8))


def test_cmyk_becomes_rgb_near_the_product_of_its_inks(blocks: Blocks, encode: Encode) -> None:
    inks = blocks(64, 64, 4).repeat(4, axis=0).repeat(4, axis=1)  # large blocks, which JPEG keeps
    decoded = _pixels(encode(Image.fromarray(inks, "CMYK"), "JPEG", quality=100))
    paper = 255 - inks.astype(np.float64)
    expected = paper[..., :3] * paper[..., 3:] / 255
    assert mode_of(decoded) == "RGB"
    assert np.abs(decoded - expected).mean() < 4


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, lambda p: p),
        (2, lambda p: p[:, ::-1]),
        (3, lambda p: p[::-1, ::-1]),
        (4, lambda p: p[::-1]),
        (5, lambda p: p.transpose(1, 0, 2)),
        (6, lambda p: np.rot90(p, -1)),
        (7, lambda p: p[::-1, ::-1].transpose(1, 0, 2)),
        (8, lambda p: np.rot90(p, 1)),
    ],
)
def test_exif_orientations_are_undone(
    blocks: Blocks, encode: Encode, orientation: int, upright: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
) -> None:
    pixels = blocks(40, 24)
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = _pixels(encode(Image.fromarray(pixels), exif=exif))
    assert_array_equal(decoded, upright(pixels))


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_taken(blocks: Blocks, encode: Encode, kind: str) -> None:
    first, second = (Image.fromarray(blocks(32, 32, seed=seed)).quantize(16).convert("RGB") for seed in (1, 2))
    options = {"lossless": True} if kind == "WEBP" else {}
    decoded = decode(encode(first, kind, save_all=True, append_images=[second], **options), Limits())
    assert decoded.animated
    assert_array_equal(flatten(decoded.pixels), np.asarray(first))
    assert not decode(encode(first, kind, **options), Limits()).animated


def test_of_an_ico_the_largest_picture_is_taken(blocks: Blocks, encode: Encode) -> None:
    image = Image.fromarray(blocks(64, 64, 4))
    decoded = _pixels(encode(image, "ICO", sizes=[(16, 16), (64, 64), (32, 32)]))
    assert_array_equal(decoded, np.asarray(image))


@pytest.mark.filterwarnings("ignore")  # Pillow warns about damaged TIFF tags
@pytest.mark.parametrize(
    ("kind", "options"),
    [("PNG", {}), ("JPEG", {}), ("JPEG", {"progressive": True}), ("WEBP", {}), ("GIF", {}), ("BMP", {}), ("TIFF", {})],
)
def test_a_file_cut_anywhere_is_rejected_or_complete(
    blocks: Blocks, encode: Encode, kind: str, options: dict[str, bool]
) -> None:
    whole = encode(Image.fromarray(blocks(32, 24)), kind, **options)
    pixels = _pixels(whole)
    reasons = set()
    for end in range(0, len(whole), 3):
        try:
            assert_array_equal(_pixels(whole[:end]), pixels)  # only a trailer was missing
        except Rejected as rejected:
            reasons.add(rejected.reason)
    assert Reason.truncated in reasons
    assert reasons <= {Reason.truncated, Reason.unreadable}


@pytest.mark.filterwarnings("ignore")  # Pillow warns about damaged TIFF tags
@settings(max_examples=300, deadline=None)
@given(
    kind=st.sampled_from(["PNG", "JPEG", "GIF", "WEBP", "BMP", "ICO", "TIFF"]),
    edits=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_damaged_bytes_decode_within_the_limits_or_are_rejected(kind: str, edits: list[tuple[float, int]]) -> None:
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((24, 24)).convert("RGB").save(buffer, kind)
    data = bytearray(buffer.getvalue())
    for place, value in edits:
        data[int(place**3 * len(data))] = value  # mostly in the header
    try:
        decoded = decode(bytes(data), Limits(max_side=2000)).pixels
    except Rejected:
        return
    assert mode_of(decoded) in ("L", "LA", "RGB", "RGBA")
    assert 16 <= min(decoded.shape[:2]) <= max(decoded.shape[:2]) <= 2000


def test_a_text_file_named_png_is_unreadable() -> None:
    assert _reason(b"This is not a picture.\n") == Reason.unreadable
    assert _reason(b"") == Reason.truncated


@pytest.mark.parametrize("data", [b"8BPS\0\1", b"%PDF-1.7", b"%!PS-Adobe"])
def test_known_formats_that_are_not_read_are_named_unsupported(data: bytes) -> None:
    assert _reason(data) == Reason.unsupported


def test_sizes_outside_the_limits_are_told_apart(encode: Encode, blocks: Blocks) -> None:
    data = encode(Image.fromarray(blocks(40, 20)))
    assert decode(data, Limits(min_side=20, max_side=40, max_pixels=800)).pixels.shape == (20, 40, 3)
    assert _reason(data, Limits(min_side=21)) == Reason.too_small
    assert _reason(data, Limits(max_side=39)) == Reason.too_large
    assert _reason(data, Limits(max_pixels=799)) == Reason.bomb


def test_a_header_of_50000_px_is_a_bomb() -> None:
    assert _reason(_png_of(50_000, 50_000, 8, 6, zlib.compress(bytes(100)))) == Reason.bomb


def test_a_valid_image_of_50000_px_is_rejected_without_the_memory_it_would_need(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.png"
    bomb.write_bytes(_one_bit_bomb(50_000))  # 300 kB that decode to 2.5 GB
    code = (
        "import sys\nfrom data.images import *\n"
        "try: decode(open(sys.argv[1], 'rb').read(), Limits())\n"
        "except Rejected as rejected: print(rejected.reason)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(bomb)],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31)),
    )
    assert done.stdout.strip() == "bomb", done.stderr


def test_an_ico_that_lies_about_the_picture_in_it_is_a_bomb() -> None:
    bomb = _one_bit_bomb(50_000)
    entry = struct.pack("<BBBBHHII", 64, 64, 0, 0, 1, 32, len(bomb), 22)
    assert _reason(struct.pack("<HHH", 0, 1, 1) + entry + bomb) == Reason.bomb


def test_text_chunks_that_unpack_to_200_mb_are_rejected(encode: Encode, blocks: Blocks) -> None:
    whole = encode(Image.fromarray(blocks(20, 20)))
    bomb = _chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(200_000_000)))
    assert _reason(whole[:33] + bomb + whole[33:]) == Reason.unreadable


@pytest.mark.parametrize("limits", [{"min_side": 0}, {"min_side": 99, "max_side": 98}, {"max_pixels": 10**9}])
def test_impossible_limits_are_refused(limits: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must lie between"):
        Limits(**limits)


def test_flatten_is_the_compositing_formula(blocks: Blocks) -> None:
    pixels = blocks(32, 32, 4)
    alpha = pixels[..., 3:] / 255
    background = np.array([10, 200, 90])
    expected = pixels[..., :3] * alpha + background * (1 - alpha)
    flat = flatten(pixels, (10, 200, 90))
    assert np.abs(flat - expected).max() <= 1


def test_blank_means_nothing_to_see_over_any_background() -> None:
    dot = (np.eye(20) * 255).astype(np.uint8)
    white = np.full((20, 20, 3), 255, np.uint8)
    assert not is_blank(np.dstack([white, dot]))
    assert not is_blank(dot)
    assert not is_blank(np.dstack([dot] * 3))
    late = white.copy()
    late[19, 19] = 0  # off the grid that is looked at first
    assert not is_blank(late)
    assert is_blank(white - 7 * (dot[..., None] > 0))  # no more than noise
    assert is_blank(np.dstack([white, white[..., 0]]))
    assert is_blank(np.dstack([dot, dot, dot, 0 * dot]))  # fully transparent
    assert is_blank(np.dstack([dot, 3 * (dot > 0)]).astype(np.uint8))  # nearly so


def test_a_white_logo_on_nothing_is_shown_on_the_opposite_of_a_white_background() -> None:
    alpha = (np.eye(20) * 255).astype(np.uint8)
    logo = np.dstack([np.full((20, 20, 3), 255, np.uint8), alpha])
    assert_array_equal(flatten(logo), np.dstack([alpha] * 3))
    assert_array_equal(flatten(logo, (0, 0, 0)), np.dstack([alpha] * 3))
    assert flatten(logo, (0, 0, 99))[0, 1].tolist() == [0, 0, 99]


def test_pixel_identity_ignores_mode_and_invisible_colour_and_nothing_else(blocks: Blocks, encode: Encode) -> None:
    gray = Image.fromarray(blocks(24, 24, 1)[..., 0])
    same = [np.asarray(gray.convert(mode)) for mode in ("L", "LA", "RGB", "RGBA")]
    same.append(_pixels(encode(gray.convert("RGB"), "WEBP", lossless=True)))
    assert len({pixel_sha256(pixels) for pixels in same}) == 1

    half = blocks(24, 24, 1)[..., 0] | np.uint8(1)
    faded = Image.merge("LA", [gray, Image.fromarray(half)])
    assert pixel_sha256(np.asarray(faded)) == pixel_sha256(np.asarray(faded.convert("RGBA")))

    clear = np.dstack([blocks(24, 24), np.zeros((24, 24), np.uint8)])
    assert pixel_sha256(clear) == pixel_sha256(np.zeros((24, 24, 4), np.uint8))

    original = np.asarray(gray)
    changed = original.copy()
    changed[3, 5] ^= 1
    others = [original, changed, original.reshape(12, 48), original.reshape(48, 12), np.asarray(faded), clear]
    assert len({pixel_sha256(pixels) for pixels in others}) == len(others)


def test_white_on_nothing_is_seen_over_black_too() -> None:
    logo = np.zeros((40, 60, 4), np.uint8)
    logo[5:15, 5:55] = (200, 30, 30, 255)
    logo[20:35, 5:55] = (255, 255, 255, 255)
    over_white, over_black = views(logo)
    np.testing.assert_array_equal(over_white, flatten(logo))
    assert (over_white[25, 30] == 255).all()
    assert (over_black[25, 30] == 255).all()
    assert (over_black[0, 0] == 0).all()
    assert (over_black[10, 10] == (200, 30, 30)).all()


@pytest.mark.parametrize("white", [(255, 255, 255, 10), (90, 90, 90, 255)])
def test_what_shows_on_white_is_seen_once(white: tuple[int, ...]) -> None:
    logo = np.zeros((40, 60, 4), np.uint8)
    logo[5:15, 5:55] = (200, 30, 30, 255)
    logo[20:35, 5:55] = white
    assert len(views(logo)) == 1
    logo[..., 3] = 255  # nothing is transparent: the white is part of the picture
    assert len(views(logo)) == 1
    assert len(views(np.full((8, 8, 3), 255, np.uint8))) == len(views(np.full((8, 8), 255, np.uint8))) == 1
