"""Each format and variety of it, against pixels that were put in by hand or that another reader sees."""

import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from PIL import Image

from data.images import Limits, Pixels, Reason, Rejected, decode, flatten, glimpse, mode_of
from data.png import decode_plain_png, encode_png

Blocks = Callable[..., NDArray[np.uint8]]
Encode = Callable[..., bytes]


def _pixels(data: bytes) -> Pixels:
    return decode(data, Limits()).pixels


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(rows: NDArray[Any], depth: int, colour: int, *extra: bytes, interlaced: bool = False) -> bytes:
    """A PNG of rows `[H, W]` or `[H, W, C]` (big-endian for 16 bit), written by hand, without filters."""
    height, width = rows.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    passes = [rows] if not interlaced else [rows[y::dy, x::dx] for x, y, dx, dy in _ADAM7]
    packed = b"".join(b"\0" + _pack(row, depth) for part in passes if part.size for row in part)
    parts = [_chunk(b"IHDR", header), *extra, _chunk(b"IDAT", zlib.compress(packed)), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


_ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def _pack(row: NDArray[Any], depth: int) -> bytes:
    if depth == 16:
        return row.astype(">u2").tobytes()
    if depth == 8:
        return row.astype(np.uint8).tobytes()
    bits = ((row[:, None] >> np.arange(depth - 1, -1, -1)) & 1).astype(np.uint8)
    return np.packbits(bits.ravel()).tobytes()


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(("colour", "channels"), [(0, 1), (4, 2), (2, 3), (6, 4)])
@pytest.mark.parametrize("depth", [8, 16])
def test_png_of_every_colour_type_and_depth(
    blocks: Blocks, depth: int, colour: int, channels: int, interlaced: bool
) -> None:
    pixels = blocks(37, 21, channels).squeeze()
    stored = pixels.astype(np.uint16) * 256 + 77 if depth == 16 else pixels
    if (depth, colour) == (16, 4):
        pixels = pixels[..., [0, 0, 0, 1]]  # which Pillow widens
    assert_array_equal(_pixels(_png(stored, depth, colour, interlaced=interlaced)), pixels)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_png_gray_of_few_bits_is_spread_over_all_levels(depth: int) -> None:
    values = np.arange(24 * 20).reshape(20, 24) % 2**depth
    assert_array_equal(_pixels(_png(values, depth, 0)), values * 255 // (2**depth - 1))


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_png_palettes_with_and_without_alpha(depth: int) -> None:
    values = np.arange(24 * 20).reshape(20, 24) % 2**depth
    palette = np.random.default_rng(depth).integers(0, 256, (2**depth, 3), np.uint8)
    colours = _chunk(b"PLTE", palette.tobytes())
    assert_array_equal(_pixels(_png(values, depth, 3, colours)), palette[values])
    alpha = np.arange(2**depth).astype(np.uint8)
    expected = np.dstack([palette[values], alpha[values]])
    assert_array_equal(_pixels(_png(values, depth, 3, colours, _chunk(b"tRNS", alpha.tobytes()))), expected)


def test_png_transparency_by_colour(blocks: Blocks) -> None:
    pixels = blocks(24, 20)
    clear = pixels[4, 4]
    decoded = _pixels(_png(pixels, 8, 2, _chunk(b"tRNS", struct.pack(">HHH", *map(int, clear)))))
    assert mode_of(decoded) == "RGBA"
    assert_array_equal(decoded[..., 3] == 0, (pixels == clear).all(axis=2))


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(("depth", "clear"), [(1, 1), (2, 2), (4, 11), (8, 200), (16, 513), (16, 40000)])
def test_png_transparency_by_gray_level_of_every_depth(depth: int, clear: int, interlaced: bool) -> None:
    values = np.arange(24 * 20).reshape(20, 24) * (1 if depth < 16 else 137) % 2**depth
    values[4:8, 4:8], values[8:12, 8:12] = clear, clear ^ 1
    marked = _chunk(b"tRNS", struct.pack(">H", clear))
    decoded = _pixels(_png(values, depth, 0, marked, interlaced=interlaced))
    level = values >> 8 if depth == 16 else values * 255 // (2**depth - 1)
    assert_array_equal(decoded, np.dstack([level, level, level, np.where(values == clear, 0, 255)]))


@pytest.mark.parametrize("interlaced", [False, True])
def test_png_transparency_by_a_colour_of_16_bits_counts_them_all(interlaced: bool) -> None:
    values = np.arange(24 * 20 * 3).reshape(20, 24, 3) * 45
    clear = (0x1234, 0x5678, 0x9ABC)
    values[4:8, 4:8], values[8:12, 8:12] = clear, (0x1234, 0x5678, 0x9ABD)  # which the upper bytes do not tell apart
    marked = _chunk(b"tRNS", struct.pack(">HHH", *clear))
    decoded = _pixels(_png(values, 16, 2, marked, interlaced=interlaced))
    alpha = np.full((20, 24), 255)
    alpha[4:8, 4:8] = 0
    assert_array_equal(decoded, np.dstack([values >> 8, alpha]))


def test_the_fast_decoder_takes_plain_png_and_leaves_all_else_to_pillow(blocks: Blocks, encode: Encode) -> None:
    for channels in (3, 4):
        pixels = blocks(33, 29, channels)
        for data in (_png(pixels, 8, channels * 3 - 7 + (channels == 4)), encode(Image.fromarray(pixels))):
            fast = decode_plain_png(data, Limits())
            assert fast is not None
            assert_array_equal(fast, pixels)
    rgb = blocks(24, 20)
    exif = Image.Exif()
    exif[0x0112] = 6
    unusual = [
        _png(rgb, 8, 2, interlaced=True),
        _png(rgb.astype(np.uint16), 16, 2),
        _png(rgb, 8, 2, _chunk(b"tRNS", bytes(6))),
        encode(Image.fromarray(rgb), exif=exif),
        encode(Image.fromarray(rgb), save_all=True, append_images=[Image.new("RGB", (24, 20))]),
        encode(Image.fromarray(rgb), "JPEG"),
        _png(rgb, 8, 2)[:-30],
        b"",
    ]
    assert [decode_plain_png(data, Limits()) for data in unusual] == [None] * len(unusual)
    with pytest.raises(Rejected):
        decode_plain_png(_png(rgb, 8, 2), Limits(min_side=21))


@pytest.mark.parametrize("inverted", [False, True], ids=["plain", "Adobe"])
def test_jpeg_of_inks_is_the_product_of_what_they_let_through(blocks: Blocks, encode: Encode, inverted: bool) -> None:
    inks = blocks(64, 64, 4).repeat(4, axis=0).repeat(4, axis=1)  # large blocks, which JPEG keeps
    # Pillow writes an Adobe marker and inverts, as Photoshop does; without the marker the inks are as they are.
    data = encode(Image.fromarray(inks, "CMYK"), "JPEG", quality=100, subsampling=0)
    if not inverted:
        marker = data.index(b"\xff\xee")
        length = int.from_bytes(data[marker + 2 : marker + 4], "big")
        data = data[:marker] + data[marker + 2 + length :]
        inks = 255 - inks  # what is in the file, now taken literally
    through = 255 - inks.astype(np.float64)
    assert np.abs(_pixels(data) - through[..., :3] * through[..., 3:] / 255).mean() < 4


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_near_its_pixels(blocks: Blocks, encode: Encode, channels: int, options: dict[str, Any]) -> None:
    pixels = blocks(64, 48, channels).repeat(4, axis=0).repeat(4, axis=1).squeeze()
    decoded = _pixels(encode(Image.fromarray(pixels), "JPEG", quality=97, **options))
    assert np.abs(decoded.astype(int) - pixels).mean() < 6


@pytest.mark.parametrize("pages", [1, 3])
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_of_a_tiff_the_first_page_is_taken(blocks: Blocks, encode: Encode, compression: str, pages: int) -> None:
    images = [Image.fromarray(blocks(40, 28, seed=seed)) for seed in range(pages)]
    data = encode(images[0], "TIFF", save_all=True, append_images=images[1:], compression=compression)
    decoded = decode(data, Limits())
    assert_array_equal(decoded.pixels, np.asarray(images[0]))
    assert decoded.animated == (pages > 1)


@pytest.mark.parametrize("bits", [24, 32])
def test_bmp_by_hand(blocks: Blocks, bits: int) -> None:
    pixels = blocks(24, 20)
    padded = np.zeros((20, 24, bits // 8), np.uint8)
    padded[..., :3] = pixels[..., ::-1]  # blue, green, red
    body = padded[::-1].tobytes()  # from the bottom; 24 px need no padding
    header = struct.pack("<IiiHHIIiiII", 40, 24, 20, 1, bits, 0, len(body), 0, 0, 0, 0)
    data = b"BM" + struct.pack("<IHHI", 54 + len(body), 0, 0, 54) + header + body
    assert_array_equal(_pixels(data)[..., :3], pixels)


def test_of_an_ico_the_largest_picture_is_taken_in_whatever_order(blocks: Blocks) -> None:
    pictures = {side: _png(blocks(side, side, 4, seed=side), 8, 6) for side in (48, 16, 128, 32)}
    offset, entries = 6 + 16 * len(pictures), b""
    for side, data in pictures.items():
        entries += struct.pack("<BBBBHHII", side, side, 0, 0, 1, 32, len(data), offset)
        offset += len(data)
    data = struct.pack("<HHH", 0, 1, len(pictures)) + entries + b"".join(pictures.values())
    assert_array_equal(_pixels(data), blocks(128, 128, 4, seed=128))


def test_a_gif_with_a_transparent_colour(encode: Encode) -> None:
    indices = np.arange(400, dtype=np.uint8).reshape(20, 20) % 4
    image = Image.frombytes("P", (20, 20), indices.tobytes())
    palette = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9]], np.uint8)
    image.putpalette(palette.tobytes())
    decoded = _pixels(encode(image, "GIF", transparency=2))
    assert_array_equal(decoded[..., 3] == 0, indices == 2)
    assert_array_equal(decoded[indices != 2][:, :3], palette[indices[indices != 2]])


@pytest.mark.parametrize("shape", [(37, 21, 3), (16, 40, 4), (1, 1, 3), (1, 500, 4), (300, 1, 3)])
def test_our_png_is_read_alike_by_pillow_and_by_the_fast_decoder(blocks: Blocks, shape: tuple[int, int, int]) -> None:
    pixels = blocks(shape[1], shape[0], shape[2])
    data = encode_png(pixels)
    with Image.open(io.BytesIO(data)) as opened:
        assert_array_equal(np.asarray(opened), pixels)
    assert_array_equal(decode_plain_png(data, Limits(min_side=1)), pixels)


def test_what_is_seen_of_a_truncated_picture_is_its_beginning(blocks: Blocks, encode: Encode) -> None:
    pixels = blocks(200, 200)
    whole = encode(Image.fromarray(pixels))
    seen = glimpse(whole[: len(whole) * 3 // 4])
    assert seen is not None
    assert_array_equal(seen[:80], pixels[:80])
    assert glimpse(b"no picture") is None
    assert glimpse(b"") is None


# ------------------------------------------------------------------------------------------------------------- SVG


def _svg(body: str, attributes: str = 'viewBox="0 0 20 10"', before: str = "") -> bytes:
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f"{before}<svg {names} {attributes}>{body}</svg>".encode()


RECT = '<rect width="10" height="10" fill="#c80000"/>'


@pytest.mark.parametrize(
    "attributes", ['viewBox="0 0 20 10"', 'width="2000000" height="1000000"', 'width="2" height="1"']
)
def test_an_svg_is_drawn_256_px_wide_whatever_size_it_claims(attributes: str) -> None:
    pixels = _pixels(_svg('<rect width="50%" height="100%" fill="#c80000"/>', attributes))
    assert pixels.shape == (128, 256, 4)
    assert_array_equal(pixels[:, :128], np.broadcast_to(np.array([200, 0, 0, 255], np.uint8), (128, 128, 4)))
    assert not pixels[:, 128:, 3].any()
    assert (flatten(pixels)[:, 128:] == 255).all()


def test_gradients_masks_and_styles_within_the_file_are_drawn() -> None:
    body = (
        '<defs><linearGradient id="g"><stop stop-color="red"/><stop offset="1" stop-color="blue"/></linearGradient>'
        '<path id="p" d="M0 0h20v10H0z"/></defs><style>.a { fill: url( "#g" ) }</style><use xlink:href="#p" class="a"/>'
        '<a href="https://example.com"><rect width="1" height="1"/></a>'
    )
    pixels = _pixels(
        _svg(body, before='<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "svg.dtd">')
    )
    assert pixels[64, 40, 0] > 180 > 80 > pixels[64, 230, 0]


@pytest.mark.parametrize(
    ("body", "before", "reason"),
    [
        ('<image href="file:///etc/passwd"/>', "", Reason.path_escape),
        ('<image xlink:href="../secret.png"/>', "", Reason.path_escape),
        ('<image href=" https://example.com/a.png"/>', "", Reason.path_escape),
        ('<image href="data:image/svg+xml;base64,PHN2Zy8+"/>', "", Reason.path_escape),
        ('<use href="other.svg#a"/>', "", Reason.path_escape),
        ('<rect style="fill: URL(http://example.com/#a)"/>', "", Reason.path_escape),
        ('<rect fill="url(other.svg#a)"/>', "", Reason.path_escape),
        ("<style>@import 'other.css';</style>", "", Reason.path_escape),
        ("<style>@im<!-- -->port 'other.css';</style>", "", Reason.path_escape),
        ("<style>rect { fill: \\75rl(http://example.com) }</style>", "", Reason.path_escape),
        (RECT, '<?xml-stylesheet href="http://example.com/a.css"?>', Reason.path_escape),
        (f'<g xml:base="file:///etc/">{RECT}</g>', "", Reason.path_escape),
        ("&a;", '<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>', Reason.unsupported),
        ("&b;", '<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>', Reason.unsupported),
        ('<filter id="f"><feTurbulence numOctaves="1000000000"/></filter>', "", Reason.unsupported),
        ("<g>" * 5000 + "</g>" * 5000, "", Reason.bomb),
        ("<rect", "", Reason.unreadable),
        (RECT, "<html/>", Reason.unreadable),
    ],
)
def test_an_svg_that_reaches_out_or_unfolds_is_refused(body: str, before: str, reason: Reason) -> None:
    with pytest.raises(Rejected) as caught:
        decode(_svg(body, before=before), Limits())
    assert caught.value.reason == reason


@pytest.mark.parametrize("reference", ['<use href="#{0}"/>', '<rect width="9" height="9" fill="url(#{0})"/>'])
def test_an_svg_whose_references_multiply_is_a_bomb_and_a_circle_is_not(reference: str) -> None:
    tag = "g" if "use" in reference else "pattern"
    levels = [f'<{tag} id="a0">{RECT}</{tag}>']
    levels += [f'<{tag} id="a{n}">{10 * reference.format(f"a{n - 1}")}</{tag}>' for n in range(1, 9)]
    with pytest.raises(Rejected, match="bomb"):
        decode(_svg("".join(levels) + reference.format("a8")), Limits())
    chain = [f'<{tag} id="a{n}">{reference.format(f"a{n + 1}")}</{tag}>' for n in range(3000)]
    with pytest.raises(Rejected, match="bomb"):
        decode(_svg("".join(chain)), Limits())
    circle = f'<{tag} id="a0">{reference.format("a0")}</{tag}>'
    assert _pixels(_svg(RECT + circle)).shape == (128, 256, 4)


def test_without_the_extra_the_reason_says_how_to_install_it() -> None:
    code = (
        "import sys; sys.modules['resvg_py'] = None\n"
        "from data.images import *\n"
        "try: decode(b'<svg xmlns=\"http://www.w3.org/2000/svg\"/>', Limits())\n"
        "except Rejected as rejected: print(rejected)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.startswith("unsupported: SVG needs the extra svg (pip install 'logoflow[svg]')"), done.stderr


def test_an_svg_of_noise_bytes_after_its_head_is_unreadable(blocks: Blocks) -> None:
    with pytest.raises(Rejected) as caught:
        decode(_svg(RECT)[:-8] + blocks(20, 20).tobytes(), Limits())
    assert caught.value.reason == Reason.unreadable
