"""Captions: CRAFT reads them, nothing is cut off, and they are a function of the generator."""

import numpy as np
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from craft.captions import SIDE, captioned, made_up_name
from craft.detection import Detector

RANDOM = np.random.default_rng


def symbol(seed: int) -> NDArray[np.uint8]:
    image = Image.new("RGB", (120, 100), "white")
    colour = tuple(RANDOM(seed).integers(0, 200, 3).tolist())
    ImageDraw.Draw(image).rounded_rectangle((10, 10, 110, 90), 20, fill=colour)
    return np.asarray(image)


def test_craft_reads_nearly_all_captions_and_none_without(detector: Detector) -> None:
    plain = [seen.score for seen in detector.detect([symbol(seed) for seed in range(12)])]
    found = [seen.score for seen in detector.detect([captioned(symbol(seed), RANDOM(seed)) for seed in range(12)])]
    assert max(plain) < 0.3
    assert sum(score > 0.65 for score in found) >= 10


def test_the_picture_is_there_and_the_same_every_time() -> None:
    for seed in range(5):
        made = captioned(symbol(seed), RANDOM(seed))
        assert_array_equal(made, captioned(symbol(seed), RANDOM(seed)))
        assert made.shape == (SIDE, SIDE, 3)
        ink = (made < 250).any(axis=2)
        assert not ink[0].any()
        assert not ink[-1].any()


def test_a_caption_can_be_read_on_black() -> None:
    dark = np.zeros((80, 80, 3), np.uint8)
    for seed in range(8):
        assert captioned(dark, RANDOM(seed)).max() > 80


def test_names_differ_and_have_letters_only() -> None:
    names = {made_up_name(RANDOM(seed)) for seed in range(50)}
    assert len(names) > 45
    assert all(name.replace(" ", "").isalpha() and 4 <= len(name) <= 25 for name in names)
