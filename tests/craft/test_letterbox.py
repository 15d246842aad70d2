"""Where a picture lies on its canvas, and what surrounds it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from craft.letterbox import background_colour, letterbox


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 300), width=st.integers(1, 300), canvas=st.sampled_from((64, 256)), border=st.floats(0, 0.3)
)
def test_the_picture_lies_centred_on_sides_that_are_multiples_of_32(
    height: int, width: int, canvas: int, border: float
) -> None:
    box = letterbox(np.full((height, width, 3), 7, np.uint8), canvas, border)
    rows, columns, _ = box.pixels.shape
    assert rows % 32 == 0
    assert columns % 32 == 0
    assert max(rows, columns) <= canvas
    # The free room is at least the border (half a pixel is lost by rounding), and equal on both sides.
    margin = border * max(box.height, box.width)
    for side, start, length in ((rows, box.top, box.height), (columns, box.left, box.width)):
        assert abs((side - length - start) - start) <= 1
        assert start >= margin - 1.5
    assert_allclose(max(box.height, box.width), canvas / (1 + 2 * border), atol=0.5)
    assert_allclose(box.width / width, box.scale_x)
    assert_allclose(box.height / height, box.scale_y)


def test_only_the_picture_itself_differs_from_the_background() -> None:
    image = np.full((40, 80, 3), (200, 10, 30), np.uint8)
    image[10:30, 20:60] = 255
    box = letterbox(image, 128, 0.125)
    inside = np.zeros(box.pixels.shape[:2], bool)
    inside[box.top : box.top + box.height, box.left : box.left + box.width] = True
    assert (box.pixels[~inside] == (200, 10, 30)).all()
    assert (box.pixels[inside] == 255).all(axis=1).mean() == pytest.approx(0.25, abs=0.06)


def test_a_picture_that_fits_is_copied_pixel_for_pixel() -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    assert (letterbox(image, 64, 0.0).pixels == image).all()


def test_the_background_is_the_commonest_colour_of_the_edge_and_no_mixture() -> None:
    image = np.zeros((50, 50, 3), np.uint8)
    image[:, :20] = (250, 0, 0)
    image[:, 20:] = (0, 0, 250)
    noise = np.random.default_rng(0).integers(0, 4, image.shape).astype(np.uint8)  # as a JPEG leaves
    assert_allclose(background_colour(image + noise), (1.5, 1.5, 251.5), atol=1)
