"""Copies made to measure by: what each kind does, and that recoloured logos are other logos."""

import colorsys

import numpy as np
import pytest
from PIL import Image, ImageDraw

from neighbours.copies import KINDS, make_copy, recolour

RANDOM = np.random.default_rng


@pytest.fixture
def picture() -> np.ndarray:
    image = Image.new("RGB", (200, 120), "white")
    ImageDraw.Draw(image).ellipse((20, 10, 180, 110), fill=(200, 40, 40))
    ImageDraw.Draw(image).rectangle((80, 40, 120, 80), fill=(30, 60, 200))
    pixels = np.array(image)
    ink = (pixels < 250).any(axis=2)
    pixels[..., 1][ink] += np.broadcast_to(np.arange(200, dtype=np.uint8) // 3, ink.shape)[ink]  # more than 32 colours
    return pixels


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_is_a_function_of_the_generator_and_differs_from_its_original(kind: str, picture: np.ndarray) -> None:
    one, again, other = (make_copy(picture, kind, RANDOM(seed)) for seed in (1, 1, 3))
    np.testing.assert_array_equal(one, again)
    assert one.dtype == np.uint8
    assert one.shape[2] == 3
    assert one.shape != picture.shape or (one != picture).any()
    assert one.shape != other.shape or (one != other).any()


def test_sizes_are_those_that_are_promised(picture: np.ndarray) -> None:
    sides = {kind: [make_copy(picture, kind, RANDOM(seed)).shape[1] for seed in range(40)] for kind in KINDS}
    assert all(50 <= side <= 140 for side in sides["resized"] + sides["resized+jpeg"])
    assert all(206 <= side <= 260 for side in sides["padded"])
    assert all(184 <= side <= 194 for side in sides["cropped"])
    assert set(sides["jpeg"] + sides["blurred"] + sides["quantised"]) == {200}
    small = picture[::8, ::8]
    assert min(make_copy(small, "resized", RANDOM(seed)).shape[1] for seed in range(20)) >= 16


def test_quantised_copies_have_few_colours(picture: np.ndarray) -> None:
    noisy = np.clip(picture + RANDOM(0).integers(-20, 21, picture.shape), 0, 255).astype(np.uint8)
    assert len(np.unique(noisy.reshape(-1, 3), axis=0)) > 1000
    for seed in range(5):
        assert 2 <= len(np.unique(make_copy(noisy, "quantised", RANDOM(seed)).reshape(-1, 3), axis=0)) <= 32


def test_hues_turn_and_white_and_shape_stay(picture: np.ndarray) -> None:
    changed = recolour(picture, RANDOM(0))
    assert changed is not None
    np.testing.assert_array_equal((changed > 250).all(axis=2), (picture > 250).all(axis=2))
    for place in ((60, 30), (60, 100)):
        hues = [colorsys.rgb_to_hsv(*(p[place] / 255))[0] for p in (picture, changed)]
        assert 0.1 < abs(hues[0] - hues[1]) < 0.9


def test_a_gray_logo_cannot_be_recoloured() -> None:
    assert recolour(np.full((20, 20, 3), 90, np.uint8), RANDOM(0)) is None
    assert recolour(np.full((20, 20, 3), 255, np.uint8), RANDOM(0)) is None
