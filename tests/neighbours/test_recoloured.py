"""The same mark in whatever colours: recoloured copies are, other shapes and signs that a map could hide are not."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from neighbours.comparison import Differences, Tolerance
from neighbours.copies import recolour
from neighbours.described import Described
from neighbours.recoloured import compare_in_any_colours, matched

SEEDS = range(6)


def verdicts(thumbnails: Callable, pairs: list[tuple[Image.Image, Image.Image]]) -> Differences:
    squares, sizes = thumbnails([image for pair in pairs for image in pair])
    logos = Described(np.ones((len(squares), 1), np.float32), squares, sizes)
    first = np.arange(0, 2 * len(pairs), 2)
    return compare_in_any_colours(logos, logos, first, first + 1, Tolerance())


def turned(image: Image.Image) -> Image.Image:
    """In other hues."""
    changed: NDArray[np.uint8] | None = recolour(np.asarray(image), np.random.default_rng(0))
    assert changed is not None
    return Image.fromarray(changed)


COPIES: dict[str, Callable[[Image.Image, Callable], Image.Image]] = {
    "the same": lambda image, jpeg: image,
    "recoloured": lambda image, jpeg: turned(image),
    "recoloured, resized": lambda image, jpeg: turned(image).resize((64, 48), Image.Resampling.BICUBIC),
    "recoloured, JPEG": lambda image, jpeg: jpeg(turned(image), 60),
    "recoloured, padded": lambda image, jpeg: ImageOps.expand(turned(image), 20, "white"),
    "JPEG": lambda image, jpeg: jpeg(image, 50),
}
OTHERS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "mirrored": ImageOps.mirror,
    "upside down": ImageOps.flip,
    "a part of it": lambda image: image.crop((0, 0, 80, 60)),
    "empty": lambda image: Image.new("RGB", image.size, "white"),
}


@pytest.mark.parametrize("kind", COPIES)
def test_other_colours_leave_a_mark_the_same(
    kind: str, mark: Callable, thumbnails: Callable, as_jpeg: Callable
) -> None:
    pairs = [(mark(seed), COPIES[kind](mark(seed), as_jpeg)) for seed in SEEDS]
    assert verdicts(thumbnails, pairs).within(Tolerance()).all()
    assert verdicts(thumbnails, [(b, a) for a, b in pairs]).within(Tolerance()).all()


@pytest.mark.parametrize("kind", OTHERS)
def test_other_shapes_are_other_marks(kind: str, mark: Callable, thumbnails: Callable) -> None:
    pairs = [(mark(seed), OTHERS[kind](mark(seed))) for seed in SEEDS]
    assert not verdicts(thumbnails, pairs).within(Tolerance()).any()
    assert not verdicts(thumbnails, [(mark(a), mark(b)) for a in range(8) for b in range(a)]).within(Tolerance()).any()


def test_a_sign_that_a_map_of_colours_could_hide_makes_another_mark(thumbnails: Callable) -> None:
    disc = Image.new("RGB", (100, 100), "white")
    ImageDraw.Draw(disc).ellipse((10, 10, 90, 90), fill=(30, 60, 200))
    signed = disc.copy()
    ImageDraw.Draw(signed).rectangle((40, 20, 60, 80), fill=(200, 60, 30))
    found = verdicts(thumbnails, [(disc, signed), (signed, disc), (disc, disc)])
    assert found.within(Tolerance()).tolist() == [False, False, True]


def test_differences_do_not_depend_on_which_picture_comes_first_where_both_lie_alike(
    mark: Callable, thumbnails: Callable
) -> None:
    one, other = verdicts(thumbnails, [(mark(0), turned(mark(0))), (turned(mark(0)), mark(0))]).edges
    assert one == pytest.approx(other, abs=1e-3)


def test_matched_colours_are_those_of_least_squares() -> None:
    random = torch.Generator().manual_seed(0)
    ink = torch.rand(2, 3, 8, 8, generator=random)
    true = torch.rand(2, 3, 3, generator=random)
    valid = (torch.rand(2, 1, 8, 8, generator=random) < 0.7).float()
    to = torch.einsum("pij,pjyx->piyx", true, ink)
    for pair in range(2):
        inside = valid[pair, 0].bool()
        x, y = ink[pair][:, inside].T, to[pair][:, inside].T
        energy = x.T @ x
        ridge = 0.02 * energy.diagonal().mean()
        expected = torch.linalg.lstsq(
            torch.cat([x, ridge.sqrt() * torch.eye(3)]), torch.cat([y, torch.zeros(3, 3)])
        ).solution.T
        torch.testing.assert_close(matched(ink, to, valid)[pair], expected, rtol=1e-3, atol=1e-4)
