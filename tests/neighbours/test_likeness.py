"""What a picture repeats: planted copies are found, recoloured and mirrored ones too; distances are exact."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from neighbours.copies import recolour
from neighbours.described import Described
from neighbours.likeness import USUAL, Likeness, Near, Rules, View, among_themselves, look, nearest
from neighbours.outlines import outlines

LOGOS = 30


def unit(rows: int, seed: int) -> NDArray[np.float32]:
    vectors = np.random.default_rng(seed).standard_normal((rows, 8))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def find(mark: Callable, thumbnails: Callable) -> Callable[[list[Image.Image]], list[list[Near]]]:
    """The logos that pictures repeat, among thirty marks; vectors are random, so that outlines have to propose."""
    squares, sizes = thumbnails([mark(seed) for seed in range(LOGOS)])
    vectors, shapes = unit(LOGOS, 0), outlines(squares)

    def look_for(pictures: list[Image.Image]) -> list[list[Near]]:
        views = []
        for images in (pictures, [ImageOps.mirror(image) for image in pictures]):
            made, their_sizes = thumbnails(images)
            views.append(View(Described(unit(len(images), 1), made, their_sizes), outlines(made)))
        looked = look(views, vectors, shapes, lambda rows: (squares[rows], sizes[rows]))
        return nearest(looked, len(pictures), Rules(), k=3)

    return look_for


def test_copies_are_found_for_what_they_are(find: Callable, mark: Callable, as_jpeg: Callable) -> None:
    random = np.random.default_rng(0)
    recoloured = recolour(np.asarray(mark(2)), random)
    assert recoloured is not None
    made = [
        mark(0).resize((60, 45)), as_jpeg(mark(1), 40), Image.fromarray(recoloured), ImageOps.mirror(mark(3)),
        mark(LOGOS + 5),
    ]  # fmt: skip
    found = find(made)
    assert [near[0].likeness for near in found] == [
        Likeness.COPY, Likeness.COPY, Likeness.RECOLOURED, Likeness.MIRRORED, Likeness.NONE,
    ]  # fmt: skip
    assert [near[0].row for near in found[:4]] == [0, 1, 2, 3]


def test_marks_that_were_shifted_out_of_their_pictures_in_part_are_copies(find: Callable, mark: Callable) -> None:
    def shifted(seed: int) -> Image.Image:
        image = Image.new("RGB", (160, 120), "white")
        image.paste(mark(seed), (36, -20))
        return image

    found = find([shifted(seed) for seed in range(LOGOS + 4)])
    copies = [near[0].row == row and near[0].likeness == Likeness.COPY for row, near in enumerate(found[:LOGOS])]
    assert sum(copies) >= 0.95 * LOGOS
    assert {near[0].likeness for near in found[LOGOS:]} == {Likeness.NONE}


def test_each_logo_is_named_once_the_surest_first(find: Callable, mark: Callable) -> None:
    for near in find([mark(0), mark(LOGOS + 1)]):
        assert len({one.row for one in near}) == len(near) == 3
        keys = [(-one.likeness, one.distance) for one in near]
        assert keys == sorted(keys)


def test_likeness_says_what_was_seen() -> None:
    assert [kind.words for kind in Likeness] == ["no copy", "mirrored copy", "recoloured copy", "copy"]
    assert "other colours" in Likeness.RECOLOURED.reason


def test_distances_among_themselves_are_those_of_brute_force() -> None:
    vectors = unit(40, 3)
    apart = np.linalg.norm(vectors[:, None].astype(float) - vectors[None], axis=2) + 9 * np.eye(40)
    np.testing.assert_allclose(among_themselves(vectors, seed=0), np.sort(apart.min(axis=1)), atol=1e-3)
    assert len(among_themselves(np.tile(unit(500, 3), (5, 1)), seed=0)) == USUAL == 2000
