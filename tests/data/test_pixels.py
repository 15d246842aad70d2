"""Squares for networks: aspect kept, centred, antialiased."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from PIL import Image

import data.sample
from data.images import ADMITTED, WHITE, Pixels, decode, flatten
from data.pixels import fit_rgb, fit_rgba, load_square, thumbnail_square
from data.sources import open_source
from data.table import Picture


@pytest.mark.parametrize(("width", "height"), [(64, 16), (16, 64), (50, 50), (200, 31)])
def test_a_uniform_picture_keeps_its_aspect_and_is_centred(width: int, height: int) -> None:
    square = thumbnail_square(Image.new("RGB", (width, height), (10, 20, 30)), 32)
    inside = (square == (10, 20, 30)).all(axis=2)
    assert (square[~inside] == WHITE).all()
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    expected = (round(32 * height / max(width, height)), round(32 * width / max(width, height)))
    assert (len(rows), len(columns)) == expected
    assert abs(rows[0] - (31 - rows[-1])) <= 1
    assert abs(columns[0] - (31 - columns[-1])) <= 1


def test_a_square_of_the_right_size_is_unchanged(blocks: Callable[..., Any]) -> None:
    pixels = blocks(32, 32)
    assert_array_equal(thumbnail_square(Image.fromarray(pixels), 32), pixels)


@pytest.mark.parametrize(("height", "width"), [(5, 1), (1, 5), (20, 31)])
def test_a_mirrored_or_read_only_picture_fits_as_its_copy_does(
    blocks: Callable[..., Any], height: int, width: int
) -> None:
    mirrored = blocks(height, width)[:, ::-1]
    read_only = mirrored.copy()
    read_only.flags.writeable = False
    for pixels in (mirrored, read_only):
        assert_array_equal(fit_rgb(pixels, 32), fit_rgb(mirrored.copy(), 32))


def test_a_fine_checkerboard_shrinks_to_gray_and_not_to_a_coarser_one() -> None:
    fine = (np.indices((128, 128)).sum(axis=0) % 2 * 255).astype(np.uint8)
    small = thumbnail_square(Image.fromarray(np.dstack([fine] * 3)), 16)
    assert np.abs(small.astype(int) - 127).max() <= 2


def _row(pixels: Pixels, encode: Callable[..., bytes]) -> Picture:
    data = encode(Image.fromarray(pixels.squeeze()))
    return Picture("", "", data, "", pixels.shape[1], pixels.shape[0], "", ())


def _psnr(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio, in dB."""
    return float(10 * np.log10(255**2 / max(1e-6, np.mean((a.astype(float) - b) ** 2))))


def test_load_square_is_pillows_bicubic_of_each_row(blocks: Callable[..., Any], encode: Callable[..., bytes]) -> None:
    sizes = [(40, 20, 3), (24, 48, 4), (33, 33, 1), (24, 24, 3), (20, 1, 2)]
    rows = [_row(blocks(*size, seed=seed), encode) for seed, size in enumerate(sizes)]
    squares = load_square(rows, 24, background=(0, 0, 255))
    assert squares.shape == (5, 3, 24, 24)
    for square, row in zip(squares, rows, strict=True):
        image = Image.fromarray(flatten(decode(row.data, ADMITTED).pixels, (0, 0, 255)))
        expected = thumbnail_square(image, 24, (0, 0, 255))
        assert np.abs(square.transpose(1, 2, 0).astype(int) - expected).max() <= 1


def test_logos_lose_nothing_by_the_fast_resampling(encode: Callable[..., bytes]) -> None:
    source = open_source("sample", Path(data.sample.__file__).parent / "lld_like.parquet")
    logos = [decode(raw.data or b"", ADMITTED).pixels for raw in source.read(source.entries()[:40])]
    square = [Image.fromarray(flatten(logo)) for logo in logos if logo.shape[0] == logo.shape[1] > 64]
    assert len(square) >= 5
    ours = load_square([_row(np.asarray(logo), encode) for logo in square], 64)
    for mine, logo in zip(ours, square, strict=True):
        bicubic, lanczos = (
            np.asarray(logo.resize((64, 64), kind)) for kind in (Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)
        )
        assert _psnr(mine.transpose(1, 2, 0), bicubic) > 55  # rounding
        assert _psnr(mine.transpose(1, 2, 0), lanczos) > min(_psnr(bicubic, lanczos), 40) - 0.1


def test_squares_with_alpha_do_not_bleed_and_composite_to_the_same() -> None:
    pixels = np.zeros((64, 48, 4), np.uint8)
    pixels[..., 1] = 255  # green, and invisible
    pixels[16:48, 8:40] = (200, 0, 0, 255)
    square = fit_rgba(pixels, 32)
    alpha = square[3].astype(int)
    assert alpha.max() == 255
    assert not alpha[:, :4].any()  # padding
    assert not square[1][alpha > 8].any()
    assert np.abs(square[0][alpha > 32].astype(int) - 200).max() <= 4
    flat = fit_rgb(pixels, 32)
    over_white = square[:3] * (alpha / 255) + 255 * (1 - alpha / 255)
    assert np.abs(over_white - flat).max() <= 8  # bicubic overshoots at edges, and either is clipped
