"""Contact sheets: every picture in its tile, white between them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from data.sheets import contact_sheet


def test_every_tile_holds_its_picture_and_the_rest_is_white(blocks: Callable[..., Any]) -> None:
    tile, columns = 24, 3
    pictures = [blocks(tile, tile, seed=seed) for seed in range(7)]
    sheet = np.array(contact_sheet(pictures, columns, tile))
    gap = (sheet.shape[1] - columns * tile) // (columns + 1)
    assert sheet.shape == (gap + 3 * (tile + gap), gap + columns * (tile + gap), 3)
    for index, picture in enumerate(pictures):
        row, column = divmod(index, columns)
        top, left = gap + row * (tile + gap), gap + column * (tile + gap)
        assert_array_equal(sheet[top : top + tile, left : left + tile], picture)
        sheet[top : top + tile, left : left + tile] = 255
    assert (sheet == 255).all()


def test_captions_stand_below_their_tiles_and_never_run_into_the_next(blocks: Callable[..., Any]) -> None:
    black = np.zeros((20, 20, 3), np.uint8)
    plain = np.array(contact_sheet([black, black], 2, 40))
    captioned = np.array(contact_sheet([black, black], 2, 40, ["a very long caption that cannot fit", ""]))
    assert captioned.shape[0] > plain.shape[0]
    below = captioned[plain.shape[0] - 3 :]
    inked = np.flatnonzero((below < 200).any(axis=(0, 2)))
    assert 3 <= inked.min() <= inked.max() < 3 + 40


@pytest.mark.parametrize("letter", ["é", "ß", "Ж", "Ω"])
def test_captions_have_letters_of_other_alphabets(letter: str) -> None:
    black = np.zeros((8, 8, 3), np.uint8)
    drawn, without = (np.array(contact_sheet([black], 1, 40, [text])) for text in (letter, "\ue123"))
    assert (drawn != without).any()  # a letter that a font has not is drawn as an empty box


def test_a_sheet_without_pictures_is_white() -> None:
    assert (np.array(contact_sheet([], 4, 16)) == 255).all()


def test_a_sheet_without_columns_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        contact_sheet([], 0, 16)


def test_heads_lie_over_columns_and_sides_beside_rows() -> None:
    black = np.zeros((8, 8, 3), np.uint8)
    gap, tile = 3, 40
    plain = np.array(contact_sheet([black] * 6, 3, tile))
    named = np.array(
        contact_sheet([black] * 6, 3, tile, heads=["one", "", "three"], sides=["a row\nof two lines", "other"])
    )
    above, beside = (named.shape[axis] - plain.shape[axis] for axis in (0, 1))
    assert (named[above:, beside:] == plain).all()  # the pictures are where they were, moved
    head = named[: above + gap, beside:]
    dark = [(head[:, gap + place * (tile + gap) :][:, :tile] < 255).any() for place in range(3)]
    assert dark == [True, False, True]
    side = (named[above + gap :, :beside] < 255).any(axis=(1, 2))
    assert side[:tile].any()
    assert side[tile + gap :][:tile].any()
    assert side[:tile].sum() > side[tile + gap :][:tile].sum()  # two lines are higher than one
