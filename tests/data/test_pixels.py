"""Squares for networks: aspect kept, centred, antialiased."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from data.images import WHITE, Limits, decode, flatten
from data.intake import pixels_id
from data.pixels import load_square, thumbnail_square
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


def test_a_fine_checkerboard_shrinks_to_gray_and_not_to_a_coarser_one() -> None:
    fine = (np.indices((128, 128)).sum(axis=0) % 2 * 255).astype(np.uint8)
    small = thumbnail_square(Image.fromarray(np.dstack([fine] * 3)), 16)
    assert np.abs(small.astype(int) - 127).max() <= 2


def test_load_square_decodes_each_row(blocks: Callable[..., Any], encode: Callable[..., bytes]) -> None:
    rows = []
    for seed, (width, height, channels) in enumerate([(40, 20, 3), (24, 48, 4), (33, 33, 1)]):
        pixels = blocks(width, height, channels, seed=seed)
        data = encode(Image.fromarray(pixels.squeeze()))
        rows.append(Picture(pixels_id(pixels), "", data, "", width, height, "", ()))
    squares = load_square(rows, 24, background=(0, 0, 255))
    assert squares.shape == (3, 3, 24, 24)
    for square, row in zip(squares, rows, strict=True):
        image = flatten(decode(row.data, Limits()), (0, 0, 255))
        assert_array_equal(square.transpose(1, 2, 0), thumbnail_square(image, 24, (0, 0, 255)))
