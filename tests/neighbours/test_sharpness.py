"""What was enlarged is known by its edges."""

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from neighbours.sharpness import sharpness


def enlarged(image: Image.Image, factor: float) -> Image.Image:
    small = image.resize((round(image.width / factor), round(image.height / factor)), Image.Resampling.LANCZOS)
    return small.resize(image.size, Image.Resampling.BICUBIC)


def test_drawn_and_reduced_pictures_are_sharp(mark: Callable) -> None:
    for seed in range(6):
        assert sharpness(np.asarray(mark(seed))) == 1
        assert sharpness(np.asarray(mark(seed).resize((80, 60), Image.Resampling.LANCZOS))) == 1


@pytest.mark.parametrize("factor", [3, 5])
@pytest.mark.parametrize("quality", [None, 30])
def test_enlarged_pictures_are_as_sharp_as_they_were_small(
    factor: float, quality: int | None, mark: Callable, as_jpeg: Callable
) -> None:
    for seed in range(6):
        picture = enlarged(mark(seed), factor)
        found = sharpness(np.asarray(picture if quality is None else as_jpeg(picture, quality)))
        assert 0.6 / factor < found < 2 / factor


def test_the_width_of_an_edge_is_its_height_over_its_slope() -> None:
    ramp = np.clip((np.arange(60) - 27) * 255 / 6, 0, 255)  # rises over 6 px
    picture = np.repeat(np.repeat(ramp[None, :, None], 40, axis=0), 3, axis=2).astype(np.uint8)
    assert sharpness(picture) == pytest.approx(1.7 / 6, rel=0.05)
    assert sharpness(picture.transpose(1, 0, 2)) == pytest.approx(1.7 / 6, rel=0.05)


def test_pictures_without_edges_are_taken_as_they_are() -> None:
    assert sharpness(np.full((20, 20, 3), 255, np.uint8)) == 1
    assert sharpness(np.zeros((1, 1, 3), np.uint8)) == 1
    assert sharpness(np.zeros((1, 300, 3), np.uint8)) == 1
