"""Duplicates: nearest neighbours propose, pixels decide, and of each group the best original is kept."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from neighbours.comparison import Differences, Tolerance, compare
from neighbours.search import Neighbours, search, self_join

LOSSLESS = (b"\x89PNG", b"GIF8", b"BM", b"II*\x00", b"MM\x00*")  # PNG, GIF, BMP, TIFF
SAME_SIZE = 0.95  # content sides within five per cent count as equal: cropping and rounding alone make such differences


@dataclass(frozen=True)
class Described:
    """Pictures as they are compared.

    Attributes:
        vectors: unit vectors `[N, D]`.
        thumbnails: uint8 `[N, 3, S, S]`, aspect kept, centred on white, S at least 64; may be memory-mapped.
        sizes: width and height of the pictures that they were made from, int64 `[N, 2]`.
    """

    vectors: NDArray[np.float32]
    thumbnails: NDArray[np.uint8]
    sizes: NDArray[np.int64]


@dataclass(frozen=True)
class Candidates:
    """Candidate pairs and the verdict on each.

    Attributes:
        first: rows of one picture, int64 `[P]`; smaller than `second`.
        second: rows of the other, int64 `[P]`.
        similarity: cosine of their vectors, float32 `[P]`.
        differences: what remains different after alignment.
        same: whether the pixels say that they are the same mark, bool `[P]`.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    similarity: NDArray[np.float32]
    differences: Differences
    same: NDArray[np.bool_]


@dataclass(frozen=True)
class Original:
    """What decides which picture of a group is kept.

    Attributes:
        width: of the source picture, in pixels.
        height: of the source picture, in pixels.
        content: share of its longer side that the mark covers, 0..1 (`content_share`); padding makes no logo larger.
        lossless: its file format loses nothing.
        bytes_per_pixel: size of the file over the number of pixels; more is less compressed.
        priority: rank of its source, 0 first.
    """

    width: int
    height: int
    content: float
    lossless: bool
    bytes_per_pixel: float
    priority: int

    @property
    def content_side(self) -> float:
        """Longer side of the mark, in source pixels."""
        return max(self.width, self.height) * self.content


@dataclass(frozen=True)
class Group:
    """Pictures of one mark.

    Attributes:
        kept: row of the picture that stays.
        dropped: rows of those that go, ascending; each was verified against the one kept.
        reason: why that one is kept, as a sentence.
    """

    kept: int
    dropped: tuple[int, ...]
    reason: str


def find_pairs(
    logos: Described, neighbours: int = 16, similarity: float = 0.5, tolerance: Tolerance | None = None
) -> Candidates:
    """Candidates among the nearest neighbours, each verified on its pixels.

    Args:
        logos: the pictures.
        neighbours: nearest neighbours of each picture that are candidates.
        similarity: smallest cosine of a candidate pair.
        tolerance: how much two pictures of the same mark may differ.

    Returns:
        All candidates, in ascending order of the rows, with the verdict on each.
    """
    first, second, cosines = _pairs(self_join(logos.vectors, neighbours), similarity)
    allowed = tolerance or Tolerance()
    differences = compare(logos.thumbnails, logos.sizes, first, second, allowed)
    return Candidates(first, second, cosines, differences, differences.within(allowed))


def find_mirrored_pairs(
    logos: Described,
    mirrored: Described,
    neighbours: int = 16,
    similarity: float = 0.5,
    tolerance: Tolerance | None = None,
) -> Candidates:
    """The same for pictures of which one shows the other's mirror image.

    Args:
        logos: the pictures.
        mirrored: their mirror images, in the same order.
        neighbours: nearest neighbours of each mirror image that are candidates.
        similarity: smallest cosine of a candidate pair.
        tolerance: how much two pictures of the same mark may differ.
    """
    first, second, cosines = _pairs(search(logos.vectors, mirrored.vectors, neighbours), similarity)
    allowed = tolerance or Tolerance()
    differences = compare_across(logos, mirrored, first, second, allowed)
    return Candidates(first, second, cosines, differences, differences.within(allowed))


def compare_across(
    one: Described, other: Described, first: NDArray[np.int64], second: NDArray[np.int64], tolerance: Tolerance
) -> Differences:
    """Compare pictures of one collection, by their rows `[P]`, with pictures of another; the rest is left alone."""
    ours, first_at = np.unique(first, return_inverse=True)
    theirs, second_at = np.unique(second, return_inverse=True)
    thumbnails = np.concatenate([one.thumbnails[ours], other.thumbnails[theirs]])
    sizes = np.concatenate([one.sizes[ours], other.sizes[theirs]])
    return compare(thumbnails, sizes, first_at, second_at + len(ours), tolerance)


def join(one: Candidates, other: Candidates) -> Candidates:
    """Both sets of candidates; a pair may stand in both."""
    columns = zip(vars(one.differences).values(), vars(other.differences).values(), strict=True)
    return Candidates(
        np.concatenate([one.first, other.first]),
        np.concatenate([one.second, other.second]),
        np.concatenate([one.similarity, other.similarity]),
        Differences(*map(np.concatenate, columns)),
        np.concatenate([one.same, other.same]),
    )


def _pairs(found: Neighbours, similarity: float) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Each pair of different rows with at least this cosine once, the smaller row first, in ascending order."""
    rows = np.repeat(np.arange(len(found.indices)), found.indices.shape[1])
    others, cosines = found.indices.ravel(), found.similarities.ravel()
    near = (cosines >= similarity) & (rows != others)
    pairs = np.stack([np.minimum(rows, others), np.maximum(rows, others)], axis=1)[near]
    pairs, index = np.unique(pairs, axis=0, return_index=True)
    return pairs[:, 0], pairs[:, 1], cosines[near][index]


def group(pairs: Candidates, originals: Sequence[Original]) -> list[Group]:
    """Groups of duplicates in which every picture that goes was verified against the one that stays.

    Chains are broken: in each connected component the best picture is kept, those verified against it go, and the rest
    of the component starts again without them.

    Args:
        pairs: candidates with their verdicts.
        originals: what decides about each picture, `[N]`.

    Returns:
        Groups of two and more, ordered by the row kept.
    """
    n = len(originals)
    first, second = pairs.first[pairs.same], pairs.second[pairs.same]
    graph = coo_array((np.ones(len(first), bool), (first, second)), shape=(n, n)).tocsr()
    graph = (graph + graph.T).tocsr()
    _, component = connected_components(graph, directed=False)
    order = np.argsort(component, kind="stable")
    groups = []
    for members in np.split(order, np.cumsum(np.bincount(component, minlength=1))[:-1]):
        remaining = [int(row) for row in members]
        while len(remaining) > 1:
            kept, reason = choose(remaining, originals)
            verified = set(graph.indices[graph.indptr[kept] : graph.indptr[kept + 1]].tolist())
            dropped = tuple(row for row in remaining if row in verified)
            if dropped:
                groups.append(Group(kept, dropped, reason))
            remaining = [row for row in remaining if row != kept and row not in verified]
    return sorted(groups, key=lambda g: g.kept)


def choose(members: Sequence[int], originals: Sequence[Original]) -> tuple[int, str]:
    """Which picture of a group to keep, and why: the largest mark, then the least compressed, then the first source.

    Args:
        members: rows of the group.
        originals: what decides about each picture, `[N]`.

    Returns:
        The row kept, and the reason as a sentence.
    """
    largest = max(originals[row].content_side for row in members)
    large = [row for row in members if originals[row].content_side >= SAME_SIZE * largest]
    if len(large) == 1:
        return large[0], f"It is the largest: its mark is {largest:.0f} pixels long."
    lossless = [row for row in large if originals[row].lossless]
    if len(lossless) == 1:
        return lossless[0], "It is the only lossless one among the largest."
    detail = {row: 0.0 if lossless else -originals[row].bytes_per_pixel for row in lossless or large}
    finest = [row for row in detail if detail[row] == min(detail.values())]
    if len(finest) == 1:
        return finest[0], "It is the least compressed among the largest."
    rank = min(originals[row].priority for row in finest)
    preferred = [row for row in finest if originals[row].priority == rank]
    kept = max(preferred, key=lambda row: (originals[row].content, originals[row].content_side, -row))
    if len(preferred) < len(finest):
        return kept, "It comes from the source with priority; others are as large and as little compressed."
    return kept, "Others are as large, as little compressed and from the same source: it has the least margin of them."


def is_lossless(data: bytes) -> bool:
    """Whether an encoded picture is in a format that loses nothing, or was raw pixels: no bytes at all."""
    return not data or data.startswith(LOSSLESS)


def content_share(thumbnails: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Share of the longer side that the mark covers, 0..1: the longer side of the box around what is not background.

    Args:
        thumbnails: uint8 `[N, 3, S, S]`, aspect kept, centred on white.

    Returns:
        float32 `[N]`; 1 for a picture without any mark.
    """
    ink = thumbnails.min(axis=1) < 230  # [N, S, S]; JPEG leaves lighter marks than that around the mark
    side = ink.shape[1]
    extents = []
    for axis in (1, 2):
        line = ink.max(axis=axis)  # [N, S]
        extents.append(side - line.argmax(axis=1) - line[:, ::-1].argmax(axis=1))
    return np.asarray(np.maximum(extents[0], extents[1]) / side, np.float32)
