"""Pairs, groups without chains, and which picture stays and why."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import ImageOps

from neighbours.comparison import Differences
from neighbours.duplicates import (
    Candidates,
    Described,
    Original,
    choose,
    content_share,
    find_mirrored_pairs,
    find_pairs,
    group,
    is_lossless,
    join,
)


def original(
    side: int = 100, content: float = 1.0, lossless: bool = True, detail: float = 1.0, rank: int = 0
) -> Original:
    return Original(side, side // 2, content, lossless, detail, rank)


def verified(pairs: list[tuple[int, int]], same: list[bool] | None = None) -> Candidates:
    first, second = np.array(pairs, np.int64).reshape(-1, 2).T
    nothing = np.zeros(len(pairs), np.float32)
    return Candidates(
        first,
        second,
        nothing,
        Differences(nothing, nothing, nothing),
        np.array([True] * len(pairs) if same is None else same, bool),
    )


def test_every_verified_pair_is_found_and_only_once(mark: Callable, thumbnails: Callable) -> None:
    pictures = [mark(seed) for seed in range(5)]
    copies = [pictures[0].resize((80, 60)), ImageOps.expand(pictures[1], 20, "white"), ImageOps.mirror(pictures[2])]
    squares, sizes = thumbnails(pictures + copies)
    vectors = np.ones((8, 4), np.float32) / 2  # an embedding that tells nothing apart: pixels must decide
    found = find_pairs(Described(vectors, squares, sizes))
    assert len(found.first) == 8 * 7 // 2
    assert (found.first < found.second).all()
    pairs = list(zip(found.first[found.same].tolist(), found.second[found.same].tolist(), strict=True))
    assert pairs == [(0, 5), (1, 6)]


def test_dissimilar_vectors_are_no_candidates(mark: Callable, thumbnails: Callable) -> None:
    squares, sizes = thumbnails([mark(0)] * 4)
    vectors = np.float32([[1, 0], [0.8, 0.6], [0, 1], [-1, 0]])
    found = find_pairs(Described(vectors, squares, sizes), similarity=0.7)
    assert list(zip(found.first.tolist(), found.second.tolist(), strict=True)) == [(0, 1)]
    assert found.similarity == pytest.approx([0.8])
    nearest = find_pairs(Described(vectors, squares, sizes), neighbours=1, similarity=-1)
    assert list(zip(nearest.first.tolist(), nearest.second.tolist(), strict=True)) == [(0, 1), (1, 2), (2, 3)]


def test_mirror_images_are_found_where_they_are_asked_for(mark: Callable, thumbnails: Callable) -> None:
    squares, sizes = thumbnails([mark(0), mark(1), ImageOps.mirror(mark(0)).resize((100, 75)), mark(2)])
    vectors = np.eye(4, dtype=np.float32)
    logos, mirrored = Described(vectors, squares, sizes), Described(vectors[[2, 1, 0, 3]], squares[..., ::-1], sizes)
    straight = find_pairs(logos, similarity=-1)
    assert not straight.same.any()
    found = find_mirrored_pairs(logos, mirrored, similarity=0.5)
    assert list(zip(found.first.tolist(), found.second.tolist(), strict=True)) == [(0, 2)]
    both = join(straight, found)
    assert len(both.first) == len(straight.first) + 1
    (only,) = group(both, [original(side) for side in (160, 160, 100, 160)])
    assert (only.kept, only.dropped) == (0, (2,))


@pytest.mark.parametrize(
    ("data", "lossless"),
    [(b"", True), (b"\x89PNG\r\n", True), (b"GIF89a", True), (b"\xff\xd8\xff\xe0", False), (b"RIFF1234WEBP", False)],
)
def test_formats_that_lose_nothing_are_known_by_their_first_bytes(data: bytes, lossless: bool) -> None:
    assert is_lossless(data) == lossless


def test_chains_are_broken() -> None:
    """1 and 2 resemble 0; 3 resembles only 2: it must not go with them."""
    groups = group(verified([(0, 1), (0, 2), (2, 3)]), [original(side) for side in (300, 200, 100, 50)])
    assert [(g.kept, g.dropped) for g in groups] == [(0, (1, 2))]
    groups = group(verified([(0, 1), (1, 2), (2, 3)]), [original(side) for side in (300, 200, 100, 50)])
    assert [(g.kept, g.dropped) for g in groups] == [(0, (1,)), (2, (3,))]


def test_pairs_that_were_not_verified_make_no_groups() -> None:
    assert group(verified([(0, 1), (1, 2)], [False, False]), [original()] * 3) == []
    assert group(verified([]), []) == []


@settings(max_examples=100, deadline=None)
@given(
    st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda p: p[0] < p[1])),
    st.lists(st.integers(1, 5), min_size=10, max_size=10),
)
def test_whoever_goes_was_verified_against_the_one_that_stays(pairs: set[tuple[int, int]], sides: list[int]) -> None:
    originals = [original(100 * side) for side in sides]
    groups = group(verified(sorted(pairs)), originals)
    gone = [row for g in groups for row in g.dropped]
    kept = [g.kept for g in groups]
    assert len(gone) == len(set(gone))
    assert not set(gone) & set(kept)
    assert kept == sorted(set(kept))
    for g in groups:
        assert all((min(g.kept, row), max(g.kept, row)) in pairs for row in g.dropped)
        assert all(originals[row].width <= originals[g.kept].width for row in g.dropped)
    left = set(range(10)) - set(gone)
    assert not any(a in left and b in left for a, b in pairs)  # no verified pair is left


@pytest.mark.parametrize(
    ("originals", "kept", "reason"),
    [
        ([original(100), original(200)], 1, "It is the largest: its mark is 200 pixels long."),
        ([original(100), original(130, content=0.7)], 0, "It is the largest: its mark is 100 pixels long."),
        ([original(100, lossless=False), original(98)], 1, "It is the only lossless one among the largest."),
        (
            [original(lossless=False, detail=0.5), original(lossless=False, detail=2.0)],
            1,
            "It is the least compressed among the largest.",
        ),
        ([original(rank=1), original(98, rank=0)], 1, "It comes from the source with priority"),
        ([original(98), original(100)], 1, "Others are as large"),
        ([original(125, content=0.8), original(100)], 1, "Others are as large"),  # without the margin
        ([original(), original()], 0, "Others are as large"),
    ],
)
def test_the_largest_least_compressed_first_source_stays(originals: list[Original], kept: int, reason: str) -> None:
    chosen, why = choose([0, 1], originals)
    assert chosen == kept
    assert why.startswith(reason)


def test_the_share_of_the_content_is_that_of_the_box_around_the_ink() -> None:
    squares = np.full((4, 3, 64, 64), 255, np.uint8)
    squares[0, :, 16:48, 8:56] = 40
    squares[1, 0, 10, 3:7] = 0  # in one channel only
    squares[2] = 100
    assert content_share(squares).tolist() == [48 / 64, 4 / 64, 1, 1]


def test_a_padded_copy_never_replaces_its_original(
    mark: Callable, thumbnails: Callable, blobs: NDArray[np.float32]
) -> None:
    pictures = [mark(1), ImageOps.expand(mark(1), 30, "white")]
    squares, sizes = thumbnails(pictures)
    shares = content_share(squares)
    originals = [Original(int(w), int(h), float(s), True, 1.0, 0) for (w, h), s in zip(sizes, shares, strict=True)]
    (found,) = group(find_pairs(Described(blobs[[0, 0]], squares, sizes)), originals)
    assert (found.kept, found.dropped) == (0, (1,))
