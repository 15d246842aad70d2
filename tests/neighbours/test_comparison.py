"""What counts as the same mark: copies of every kind do; other colours, other shapes and other words do not."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from neighbours import comparison
from neighbours.alignment import Pairs
from neighbours.comparison import Differences, Tolerance, compare, differences
from neighbours.described import Described

SEEDS = range(6)


def described(squares: NDArray[np.uint8], sizes: NDArray[np.int64]) -> Described:
    return Described(np.ones((len(squares), 1), np.float32), squares, sizes)


def verdicts(thumbnails: Callable, pairs: list[tuple[Image.Image, Image.Image]]) -> Differences:
    squares, sizes = thumbnails([image for pair in pairs for image in pair])
    logos = described(squares, sizes)
    first = np.arange(0, 2 * len(pairs), 2)
    return compare(logos, logos, first, first + 1, Tolerance())


COPIES: dict[str, Callable[[Image.Image, Callable], Image.Image]] = {
    "the same": lambda image, jpeg: image,
    "resized to 30 %": lambda image, jpeg: image.resize((48, 36), Image.Resampling.BICUBIC),
    "JPEG": lambda image, jpeg: jpeg(image, 50),
    "resized, JPEG": lambda image, jpeg: jpeg(image.resize((64, 48), Image.Resampling.BILINEAR), 60),
    "padded with white": lambda image, jpeg: ImageOps.expand(image, 20, "white"),
    "padded with black": lambda image, jpeg: ImageOps.expand(image, (10, 20, 30, 15), "black"),
    "padded, resized": lambda image, jpeg: ImageOps.expand(image, 16, "white").resize((80, 63), Image.Resampling.BOX),
    "cropped": lambda image, jpeg: image.crop((6, 3, 155, 117)),
    "blurred": lambda image, jpeg: image.filter(ImageFilter.GaussianBlur(2)),
    "resized and enlarged": lambda image, jpeg: image.resize((48, 36)).resize((160, 120), Image.Resampling.BICUBIC),
}


@pytest.mark.parametrize("kind", COPIES)
def test_copies_are_the_same_mark(kind: str, mark: Callable, thumbnails: Callable, as_jpeg: Callable) -> None:
    pairs = [(mark(seed), COPIES[kind](mark(seed), as_jpeg)) for seed in SEEDS]
    assert verdicts(thumbnails, pairs).within(Tolerance()).all()
    assert verdicts(thumbnails, [(b, a) for a, b in pairs]).within(Tolerance()).all()


def shifted_hue(image: Image.Image) -> Image.Image:
    hue, saturation, value = image.convert("HSV").split()
    return Image.merge("HSV", (hue.point(lambda h: (h + 60) % 256), saturation, value)).convert("RGB")


OTHERS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "recoloured": shifted_hue,
    "without colour": lambda image: image.convert("L").convert("RGB"),
    "mirrored": ImageOps.mirror,
    "upside down": ImageOps.flip,
    "a part of it": lambda image: image.crop((0, 0, 80, 60)),
    "empty": lambda image: Image.new("RGB", image.size, "white"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_changed_marks_are_other_marks(kind: str, mark: Callable, thumbnails: Callable) -> None:
    pairs = [(mark(seed), OTHERS[kind](mark(seed))) for seed in SEEDS]
    assert not verdicts(thumbnails, pairs).within(Tolerance()).any()


def test_different_marks_are_told_apart(mark: Callable, thumbnails: Callable) -> None:
    pairs = [(mark(a), mark(b)) for a in range(8) for b in range(a)]
    assert not verdicts(thumbnails, pairs).within(Tolerance()).any()


def test_where_nothing_is_compared_pictures_are_not_alike(mark: Callable, thumbnails: Callable) -> None:
    ink = 1 - torch.from_numpy(thumbnails([mark(0), mark(1)])[0]) / 255
    pairs = Pairs(ink[:1], ink[1:], *(torch.ones(1, 1, *ink.shape[2:]) for _ in range(2)))
    aside = differences(pairs, pairs, torch.tensor([[1.0, 1.97, 0.0]]))  # b lies where a hardly shows it
    assert aside[0] < Tolerance().colour
    assert aside[1] == comparison.UNRELATED


def test_one_part_in_another_colour_makes_another_mark(mark: Callable, thumbnails: Callable) -> None:
    image = mark(0)
    changed = image.copy()
    ImageDraw.Draw(changed).ellipse((60, 45, 85, 70), fill=(0, 160, 60))
    assert not verdicts(thumbnails, [(image, changed)]).within(Tolerance()).any()


def test_long_words_are_told_apart_though_only_a_few_pixels_high(thumbnails: Callable) -> None:
    def word(text: str) -> Image.Image:
        image = Image.new("RGB", (240, 40), "white")
        ImageDraw.Draw(image).text((4, 4), text, fill="black", font_size=30)
        return image

    pairs = [
        (word("Amplitude"), word("Snowflake")),
        (word("Terraform"), word("Million")),
        (word("Resend"), word("Staples")),
    ]
    assert not verdicts(thumbnails, pairs).within(Tolerance()).any()
    assert verdicts(thumbnails, [(a, a.resize((120, 20))) for a, _ in pairs]).within(Tolerance()).all()


def test_equal_pictures_differ_in_nothing_and_no_pairs_are_no_work(mark: Callable, thumbnails: Callable) -> None:
    same = verdicts(thumbnails, [(mark(0), mark(0))])
    assert [same.colour[0], same.edges[0], same.overlap[0]] == pytest.approx([0, 0, 1], abs=1e-3)
    logos = described(*thumbnails([mark(0)]))
    nothing = np.empty(0, np.int64)
    assert len(compare(logos, logos, nothing, nothing, Tolerance()).colour) == 0


def test_pictures_of_two_collections_are_compared_as_if_they_were_one(mark: Callable, thumbnails: Callable) -> None:
    squares, sizes = thumbnails([mark(0), mark(1), mark(0).resize((80, 60)), mark(1).resize((240, 40))])
    whole, one, other = described(squares, sizes), described(squares[:2], sizes[:2]), described(squares[2:], sizes[2:])
    first, second = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    apart, together = (
        compare(one, other, first, second, Tolerance()),
        compare(whole, whole, first, second + 2, Tolerance()),
    )
    for found, expected in zip(vars(apart).values(), vars(together).values(), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert apart.within(Tolerance()).tolist() == [True, False, False, False]


def test_equal_pictures_are_not_looked_at(
    mark: Callable, thumbnails: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    squares, sizes = thumbnails([mark(0), mark(0), mark(0).resize((80, 60))])
    logos = described(squares, sizes)
    looked: list[int] = []
    look = comparison._look
    monkeypatch.setattr(
        comparison, "_look", lambda pairs, *given: (looked.append(len(pairs.a)), look(pairs, *given))[1]
    )
    found = compare(logos, logos, np.array([0, 0]), np.array([1, 2]), Tolerance())
    assert looked == [1]
    assert [found.colour[0], found.edges[0], found.overlap[0]] == [0, 0, 1]
    assert found.within(Tolerance()).all()
