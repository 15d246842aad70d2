"""Which picture stays and why; formats by their bytes; the box around the mark."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageOps

from neighbours.originals import LOSSLESS, Original, choose, codec_of, mark_side


def original(
    side: int = 100, mark: int = 0, sharp: float = 1.0, codec: str = "PNG", size: float = 1.0, rank: int = 0
) -> Original:
    return Original(side, mark or side, sharp, codec, size, rank)


@pytest.mark.parametrize(
    ("originals", "kept", "reason"),
    [
        ([original(100), original(200)], 1, "It shows the most detail: its mark is 200 pixels long."),
        ([original(100), original(130, 91)], 0, "It is the largest: its mark is 100 pixels long."),
        (
            [original(256, sharp=0.16), original(128)],
            1,
            "It shows the most detail: its mark is 128 pixels long. Larger ones were enlarged.",
        ),
        ([original(100, codec="JPEG"), original(90)], 1, "It is the only lossless one"),
        ([original(codec="GIF"), original(codec="lossless WebP")], 1, "It is the only lossless one"),
        ([original(100, codec="JPEG"), original(80)], 0, "It shows the most detail"),
        ([original(codec="JPEG", size=0.5), original(codec="JPEG", size=2.0)], 1, "It is the least compressed"),
        ([original(codec="JPEG", size=0.5), original(codec="WebP", size=0.4)], 0, "Others are as large"),
        ([original(codec="GIF", size=9.0, rank=1), original(codec="JPEG", size=0.4)], 1, "It comes from the source"),
        ([original(rank=1), original(98, rank=0)], 1, "It comes from the source with priority"),
        ([original(98), original(100)], 1, "Others are as large"),
        ([original(125, 100), original(100)], 1, "Others are as large"),  # without the margin
        ([original(), original()], 0, "Others are as large"),
    ],
)
def test_the_most_detailed_least_compressed_first_source_stays(
    originals: list[Original], kept: int, reason: str
) -> None:
    chosen, why = choose([0, 1], originals)
    assert chosen == kept
    assert why.startswith(reason)


def encoded(image: Image.Image, codec: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, codec, **options)
    return buffer.getvalue()


def of(data: bytes) -> Original:
    return Original.of(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")), data, 0)


def test_an_enlarged_jpeg_never_replaces_the_smaller_original(mark: Callable) -> None:
    for seed in range(6):
        first = mark(seed).resize((128, 96), Image.Resampling.LANCZOS)
        blown_up = first.resize((40, 30), Image.Resampling.BICUBIC).resize((256, 192), Image.Resampling.BICUBIC)
        kept, why = choose([0, 1], [of(encoded(blown_up, "JPEG", quality=30)), of(encoded(first, "PNG"))])
        assert kept == 1
        assert why.endswith("Larger ones were enlarged.")


def test_a_gif_of_six_colours_never_replaces_the_lossless_original(mark: Callable) -> None:
    image = mark(0)
    pictures = [of(encoded(image.quantize(6), "GIF")), of(encoded(image, "WEBP", lossless=True))]
    assert choose([0, 1], pictures) == (1, "It is the only lossless one among those with the most detail.")


@pytest.mark.parametrize(
    ("codec", "options", "name"),
    [
        ("PNG", {}, "PNG"),
        ("JPEG", {}, "JPEG"),
        ("GIF", {}, "GIF"),
        ("BMP", {}, "BMP"),
        ("TIFF", {}, "TIFF"),
        ("ICO", {}, "ICO"),
        ("WEBP", {}, "WebP"),
        ("WEBP", {"lossless": True}, "lossless WebP"),
        ("WEBP", {"exif": b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x00\x00"}, "WebP"),  # in the extended layout
        ("WEBP", {"lossless": True, "icc_profile": b"odd"}, "lossless WebP"),
        ("WEBP", {"lossless": True, "save_all": True, "append_images": [Image.new("RGB", (8, 8))]}, "lossless WebP"),
    ],
)
def test_formats_are_known_by_their_bytes(codec: str, options: dict[str, object], name: str) -> None:
    assert codec_of(encoded(Image.new("RGB", (8, 8), "red"), codec, **options)) == name


def test_vectors_raw_pixels_and_what_nobody_knows() -> None:
    assert codec_of(b"\xef\xbb\xbf\n<svg/>") == "SVG"
    assert codec_of(b"") in LOSSLESS
    assert codec_of(b"\x01\x02") == "another"
    assert codec_of(b"RIFF\x04\x00\x00\x00WEBP") == "WebP"  # cut off
    assert not LOSSLESS & {"JPEG", "GIF", "WebP", "another"}


def test_the_mark_is_as_long_as_the_box_around_the_ink(mark: Callable) -> None:
    picture = np.full((64, 80, 3), 255, np.uint8)
    assert mark_side(picture) == 80
    picture[16:48, 8:56] = 40
    assert mark_side(picture) == 48
    picture[:] = 255
    picture[10:40, 3, 0] = 0  # in one channel only
    assert mark_side(picture) == 30
    padded = ImageOps.expand(mark(0), 30, "white")
    assert mark_side(np.asarray(padded)) == mark_side(np.asarray(mark(0)))
