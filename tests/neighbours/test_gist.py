"""The gist: what copies share, and what it spares."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from neighbours.gist import SIDE, Gists, gists


def between_both(found: Gists) -> NDArray[np.float32]:
    return found.distances(np.array([0]), found, np.array([1]))


def test_the_mark_fills_the_square_wherever_it_stood() -> None:
    pictures = np.full((2, 3, 64, 64), 255, np.uint8)
    pictures[0, :, 10:34, 20:44] = 0
    pictures[1, 1:, 0:64, 0:32] = 0  # red, twice as high as wide
    found = gists(pictures).marks.reshape(2, 3, SIDE, SIDE) / 255
    assert found[0] == pytest.approx(np.ones((3, SIDE, SIDE)), abs=0.05)
    expected = np.zeros((3, SIDE, SIDE))
    expected[1:, :, SIDE // 4 : SIDE * 3 // 4] = 1
    assert found[1] == pytest.approx(expected, abs=0.05)


def test_distances_are_root_mean_squares(mark: Callable, thumbnails: Callable) -> None:
    squares, _ = thumbnails([mark(seed) for seed in range(6)])
    found = gists(squares)
    first, second = np.triu_indices(6, 1)
    marks = found.marks.astype(float) / 255
    expected = [np.sqrt(np.mean((marks[a] - marks[b]) ** 2)) for a, b in zip(first, second, strict=True)]
    assert found.distances(first, found, second) == pytest.approx(expected, rel=1e-5)
    assert min(expected) > 0.1


@pytest.mark.parametrize("margin", [10, 40])
def test_a_margin_or_a_smaller_size_change_little(margin: int, mark: Callable, thumbnails: Callable) -> None:
    for seed in range(5):
        image = mark(seed)
        squares, _ = thumbnails([image, ImageOps.expand(image, margin, "white").resize((70, 60))])
        assert between_both(gists(squares))[0] < 0.1


def test_a_coloured_frame_calls_for_a_closer_look(mark: Callable, thumbnails: Callable) -> None:
    image = mark(3)
    squares, _ = thumbnails([image, ImageOps.expand(image, 20, "navy")])
    found = gists(squares)
    assert found.framed.tolist() == [False, True]
    assert between_both(found) == [0]
    badge = Image.new("RGB", (90, 90), "white")
    ImageDraw.Draw(badge).rounded_rectangle((0, 0, 89, 89), 3, fill="green")
    both, _ = thumbnails([ImageOps.expand(image, 20, "navy"), badge])
    assert gists(both).framed.all()
    assert between_both(gists(both))[0] > 0.2


def test_a_picture_without_any_mark_is_no_error() -> None:
    assert (gists(np.full((1, 3, 64, 64), 255, np.uint8)).marks == 0).all()
