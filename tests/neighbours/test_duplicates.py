"""Copies are found however many there are, and mirrored ones where they are asked for."""

import functools
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from neighbours.described import Described
from neighbours.duplicates import Terms, find_copies
from neighbours.originals import Original
from neighbours.search import self_join


def described(pictures: list[Image.Image], vectors: NDArray[np.float32], thumbnails: Callable) -> Described:
    return Described(vectors, *thumbnails(pictures))


def originals(pictures: list[Image.Image]) -> list[Original]:
    return [Original.of(np.asarray(picture), b"", 0) for picture in pictures]


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_every_verified_pair_is_found_and_only_once(mark: Callable, thumbnails: Callable) -> None:
    marks = [mark(seed) for seed in range(5)]
    copies = [marks[0].resize((80, 60)), ImageOps.expand(marks[1], 20, "white"), ImageOps.mirror(marks[2])]
    pictures = marks + copies
    vectors = np.ones((8, 4), np.float32) / 2  # an embedding that tells nothing apart: pixels must decide
    found = find_copies(described(pictures, vectors, thumbnails), originals(pictures), Terms())
    assert found.compared == 8 * 7 // 2
    assert found.recall == 1
    assert [(g.kept, g.dropped) for g in found.groups] == [(0, (5,)), (1, (6,))]


def test_dissimilar_vectors_are_no_candidates(mark: Callable, thumbnails: Callable) -> None:
    pictures = [mark(0)] * 4
    logos = described(pictures, np.float32([[1, 0], [0.8, 0.6], [0, 1], [-1, 0]]), thumbnails)
    found = find_copies(logos, originals(pictures), Terms(similarity=0.7))
    assert found.compared == 1
    assert [(g.kept, g.dropped) for g in found.groups] == [(0, (1,))]


@pytest.mark.parametrize("equal", [True, False])
def test_a_group_larger_than_the_lists_of_neighbours_is_found_whole(
    equal: bool, mark: Callable, thumbnails: Callable
) -> None:
    """60 copies, all alike or each of another size, and two other logos, with lists of 16."""
    sizes = [(160, 120) if equal else (160 - n, 120 - n * 3 // 4) for n in range(60)]
    pictures = [mark(0).resize(size) for size in sizes] + [mark(1), mark(2)]
    noise = np.random.default_rng(0).standard_normal((62, 8)) * (0 if equal else 0.02)
    vectors = unit(np.eye(8)[[0] * 60 + [1, 2]] + noise)
    found = find_copies(described(pictures, vectors, thumbnails), originals(pictures), Terms())
    (group,) = found.groups
    assert sorted([group.kept, *group.dropped]) == list(range(60))
    assert found.compared < 60 * 24  # near linear: not all 1,770 pairs


def test_crowds_of_copies_that_fill_each_others_lists_are_joined(mark: Callable, thumbnails: Callable) -> None:
    """Three crowds of 20 about one logo, each nearer to itself than to the others: no list of 16 leaves its crowd."""
    pictures = [mark(0).resize((160 - n, 120 - n * 3 // 4)) for n in range(60)] + [mark(1)]
    centres = np.eye(8)[[0, 1, 2]] * 0.5 + np.eye(8)[3]
    vectors = unit(np.concatenate([np.repeat(centres, 20, axis=0), np.eye(8)[[7]]]))
    found = find_copies(described(pictures, vectors, thumbnails), originals(pictures), Terms(similarity=0.6))
    (group,) = found.groups
    assert sorted([group.kept, *group.dropped]) == list(range(60))


def test_mirror_images_are_found_where_they_are_asked_for(mark: Callable, thumbnails: Callable) -> None:
    pictures = [mark(0), mark(1), ImageOps.mirror(mark(0)).resize((100, 75)), mark(2)]
    vectors = np.eye(4, dtype=np.float32)
    logos = described(pictures, vectors, thumbnails)
    mirrored = Described(vectors[[2, 1, 0, 3]], logos.thumbnails[..., ::-1], logos.sizes)
    assert find_copies(logos, originals(pictures), Terms(similarity=-1)).groups == []
    found = find_copies(logos, originals(pictures), Terms(), mirrored)
    assert found.compared == 1
    assert [(g.kept, g.dropped) for g in found.groups] == [(0, (2,))]


def test_the_recall_of_a_search_by_lists_is_told(
    mark: Callable, thumbnails: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_lists = functools.partial(self_join, exact_below=0, recall=0.0)
    monkeypatch.setattr("neighbours.duplicates.self_join", by_lists)
    squares, sizes = thumbnails([mark(0)])
    vectors = unit(np.random.default_rng(0).standard_normal((2000, 8)))
    logos = Described(vectors, np.repeat(squares, 2000, axis=0), np.repeat(sizes, 2000, axis=0))
    found = find_copies(logos, originals([mark(0)]) * 2000, Terms(similarity=1.0))
    assert found.recall == by_lists(vectors, 16).recall < 1


def test_a_padded_copy_never_replaces_its_original(
    mark: Callable, thumbnails: Callable, blobs: NDArray[np.float32]
) -> None:
    pictures = [mark(1), ImageOps.expand(mark(1), 30, "white")]
    found = find_copies(described(pictures, blobs[[0, 0]], thumbnails), originals(pictures), Terms())
    assert [(g.kept, g.dropped) for g in found.groups] == [(0, (1,))]
