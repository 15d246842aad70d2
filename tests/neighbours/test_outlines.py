"""Outlines against drawings whose edges are known, and what they must not depend on."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from neighbours.outlines import CELLS, DIRECTIONS, LENGTH, outlines

Picture = NDArray[np.uint8]
SIDE = 64


def drawn(ink: str = "black", paper: str = "white", shift: int = 0, scale: float = 1.0, kind: str = "arrow") -> Picture:
    """A drawing without symmetry, `[3, SIDE, SIDE]`."""
    corners = {"arrow": [(8, 30), (36, 8), (30, 24), (56, 28), (52, 40), (28, 36), (34, 54)],
               "flag": [(10, 8), (50, 14), (44, 26), (52, 38), (18, 34), (22, 58), (14, 58)]}[kind]  # fmt: skip
    image = Image.new("RGB", (SIDE * 4, SIDE * 4), paper)
    points = [(4 * (shift + x * scale), 4 * (shift + y * scale)) for x, y in corners]
    ImageDraw.Draw(image).polygon(points, fill=ink)
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX)).transpose(2, 0, 1)


def cosine(one: Picture, other: Picture) -> float:
    first, second = outlines(np.stack([one, other]))
    return float(first @ second)


def stripes(angle: float) -> Picture:
    """Waves that rise in a direction, in degrees from the horizontal, over the whole picture."""
    y, x = np.mgrid[:SIDE, :SIDE]
    wave = np.sin((x * np.cos(np.deg2rad(angle)) + y * np.sin(np.deg2rad(angle))) / 2)
    return np.broadcast_to((127.5 + 127.5 * wave).astype(np.uint8), (3, SIDE, SIDE))


@pytest.mark.parametrize(("angle", "direction"), [(0, 0), (20, 1), (40, 2), (90, 4.5), (100, 5), (160, 8), (180, 0)])
def test_the_strongest_direction_is_that_of_the_edges(angle: float, direction: float) -> None:
    found = outlines(stripes(angle)[None])[0].reshape(DIRECTIONS, CELLS, CELLS)
    strongest = {int(np.floor(direction)), int(np.ceil(direction))}
    for cell in found.reshape(DIRECTIONS, -1).T:
        assert set(np.argsort(cell)[-len(strongest) :]) == strongest


def test_edges_are_found_in_the_cells_where_they_are() -> None:
    picture = np.full((3, SIDE, SIDE), 255, np.uint8)
    picture[:, :2], picture[:, -2:], picture[:, :, :2], picture[:, :, -2:] = 0, 0, 0, 0  # a frame: the mark is all
    plain = outlines(picture[None])[0].reshape(DIRECTIONS, CELLS, CELLS)
    picture[:, 36:44, 20:28] = 0  # in the third row and second column of cells
    change = np.abs(outlines(picture[None])[0].reshape(DIRECTIONS, CELLS, CELLS) - plain).sum(axis=0)
    assert np.unravel_index(change.argmax(), change.shape) == (2, 1)


def test_colour_polarity_and_a_margin_make_no_difference_but_the_shape_does() -> None:
    plain = drawn()
    assert cosine(plain, drawn(ink="orangered")) > 0.99
    assert cosine(drawn("white", "navy"), drawn("navy", "gold")) > 0.99
    assert cosine(plain, drawn(shift=10, scale=0.7)) > 0.95
    assert cosine(plain, drawn(kind="flag")) < 0.5
    assert cosine(plain, np.ascontiguousarray(plain.transpose(0, 2, 1))) < 0.7


def test_vectors_have_length_one_and_a_blank_picture_has_none() -> None:
    pictures = np.stack([drawn(), drawn(kind="flag"), np.full((3, SIDE, SIDE), 255, np.uint8)])
    assert_allclose(np.linalg.norm(outlines(pictures), axis=1), [1, 1, 0], atol=1e-6)
    assert outlines(pictures).shape == (3, LENGTH)
    many = np.repeat(pictures, 300, axis=0)  # more than are worked on at once
    assert_allclose(outlines(many), np.repeat(outlines(pictures), 300, axis=0), atol=1e-6)
