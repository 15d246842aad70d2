"""Are two pictures the same mark? Judged on aligned pixels, by local colour and by edges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from neighbours.alignment import STILL, Pairs, align, gradients, inverse, warp
from neighbours.described import Described

SIDE = 32  # of the comparison: copies of 20 to 30 pixels are common, and finer pixels of theirs are invented
LONG_SIDE = 64  # of pictures more than twice as long as wide or the reverse: at 32, words would be a few pixels high
WINDOW = 5  # pixels over which colours are averaged: resampling and JPEG cancel out in it, another letter does not
PAIRS_AT_ONCE = 512
COMPARED = 0.15  # least share of either picture's edges that both show: where nothing is compared, nothing differs
LEAST_ENERGY = 1e-4  # of edges: what has less has none
UNRELATED = 2.0  # edges of which none lies where the other's do


@dataclass(frozen=True)
class Tolerance:
    """How much two pictures of the same mark may differ.

    Attributes:
        colour: largest difference of the colours averaged over a small window anywhere, 0..1.
        edges: energy of the edges' difference over the energy of the edges, 0 (equal) to 1 (unrelated) and up to 2.
        overlap: smallest share of either picture's edges that lies on the other picture, 0..1.
        gist: largest root mean square difference of their gists (`neighbours.gist`), 0..1; what differs more is not
            looked at any closer.
    """

    colour: float = 0.16
    edges: float = 0.35
    overlap: float = 0.75
    gist: float = 0.22

    def scaled(self, scale: float) -> Tolerance:
        """A tolerance that lets pictures differ so many times as much; what is not looked at stays the same."""
        return replace(
            self, colour=self.colour * scale, edges=self.edges * scale, overlap=1 - (1 - self.overlap) * scale
        )


@dataclass(frozen=True)
class Differences:
    """What remains different in pairs of pictures, float32 `[P]` each; see `Tolerance`. NaN where nobody looked."""

    colour: NDArray[np.float32]
    edges: NDArray[np.float32]
    overlap: NDArray[np.float32]

    def within(self, tolerance: Tolerance) -> NDArray[np.bool_]:
        """Which pairs show the same mark, bool `[P]`."""
        same = (self.colour <= tolerance.colour) & (self.edges <= tolerance.edges) & (self.overlap >= tolerance.overlap)
        return np.asarray(same)


def compare(
    one: Described, other: Described, first: NDArray[np.int64], second: NDArray[np.int64], tolerance: Tolerance
) -> Differences:
    """Measure what is different in the pictures of each pair: as they lie, and if that is too much, once aligned.

    Args:
        one: pictures.
        other: pictures as well, often the same.
        first: rows of one, `[P]`.
        second: rows of the other, `[P]`.
        tolerance: pairs whose gists differ by more are left out, and those that it admits as they lie not aligned.
    """
    distances = one.gists.distances(first, other.gists, second)
    return look_closer(one, other, first, second, distances, tolerance, _look)


def look_closer(
    one: Described,
    other: Described,
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    distances: NDArray[np.float32],
    tolerance: Tolerance,
    look: Callable[[Pairs, int, Tolerance], NDArray[np.float32]],
) -> Differences:
    """Let a function say what is different in the pictures of those pairs whose gists are close, some at a time.

    Args:
        one: pictures.
        other: pictures as well.
        first: rows of one, `[P]`.
        second: rows of the other, `[P]`.
        distances: of their gists, `[P]`.
        tolerance: says which of these are close; the function is given it as well.
        look: takes the ink of pairs and the side to compare at, and returns colour, edges and overlap, `[3, P]`.
    """
    alike = np.flatnonzero(distances == 0)
    equal = alike[_are_equal(one, other, first[alike], second[alike])]
    close = distances <= tolerance.gist
    close[equal] = False  # there is nothing to look for
    long_pair = _is_long(one.sizes)[first] | _is_long(other.sizes)[second]
    columns = np.full((3, len(first)), np.nan, np.float32)
    columns[:, equal] = [[0], [0], [1]]
    for side, pairs in ((SIDE, np.flatnonzero(close & ~long_pair)), (LONG_SIDE, np.flatnonzero(close & long_pair))):
        for start in range(0, len(pairs), PAIRS_AT_ONCE):
            part = pairs[start : start + PAIRS_AT_ONCE]
            sides = ((one, first[part]), (other, second[part]))
            pictures = [_ink(logos.thumbnails[rows]) for logos, rows in sides]
            frames = [_frames(logos.sizes[rows]) for logos, rows in sides]
            with torch.inference_mode():
                columns[:, part] = look(Pairs(*pictures, *frames), side, tolerance)
    return Differences(*columns)


def _are_equal(
    one: Described, other: Described, first: NDArray[np.int64], second: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Which pairs are equal in every pixel of their thumbnails and in size, bool `[P]`."""
    equal = (one.sizes[first] == other.sizes[second]).all(axis=1)
    for pair in np.flatnonzero(equal):
        equal[pair] = np.array_equal(one.thumbnails[first[pair]], other.thumbnails[second[pair]])
    return np.asarray(equal)


def _is_long(sizes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which pictures are more than twice as long as wide, or the reverse, bool `[N]`."""
    return np.asarray(2 * sizes.min(axis=1) < sizes.max(axis=1))


def _look(pairs: Pairs, side: int, tolerance: Tolerance) -> NDArray[np.float32]:
    """Colour, edges and overlap of each pair at a side, `[3, P]`, aligned where that is needed."""
    small = Pairs(*(reduced(x, side) for x in pairs))
    found = differences(pairs, small, STILL.expand(len(pairs.a), 3)).numpy()
    moved = np.flatnonzero(~Differences(*found).within(tolerance))
    if len(moved):
        pairs, small = (Pairs(*(x[moved] for x in same)) for same in (pairs, small))
        found[:, moved] = differences(pairs, small, align(small)).numpy()
    return found


def differences(pairs: Pairs, small: Pairs, pose: Tensor) -> Tensor:
    """Colour, edges and overlap `[3, P]` of pairs, and the same reduced, in a pose; see `Tolerance`."""
    a, b, frame_a, frame_b = small
    side = a.shape[-1]
    laid = reduced(warp(pairs.b, pose), side)  # laid on a before it is reduced, so that it stays as sharp
    frame_laid = warp(frame_b, pose)
    both = frame_a * (frame_laid > 0.99)
    both = -F.max_pool2d(-both, 3, 1, 1)  # the outermost pixels are mixed with what lies outside
    difference = F.avg_pool2d((laid - a) * both, WINDOW, 1, WINDOW // 2)
    colour = difference.abs().amax(dim=(1, 2, 3))
    whole_a, whole_b = (torch.cat(gradients(x), dim=1) for x in (a, laid))  # [P, 6, S, S]
    edges_a, edges_b = whole_a * both, whole_b * both
    edges = _energy(edges_a - edges_b) / (_energy(edges_a) + _energy(edges_b)).clamp_min(LEAST_ENERGY)
    compared = torch.minimum(_part(edges_a, whole_a), _part(edges_b, whole_b))
    edges = torch.where(compared < COMPARED, UNRELATED, edges)
    overlap = torch.minimum(
        _share_within(a, frame_a, frame_laid), _share_within(b, frame_b, warp(frame_a, inverse(pose)))
    )
    return torch.stack([colour, edges, overlap])


def _energy(edges: Tensor) -> Tensor:
    """Sum of squares of each, `[P]`."""
    return edges.square().sum(dim=(1, 2, 3))


def _part(edges: Tensor, whole: Tensor) -> Tensor:
    """Share of the energy that is left of a picture's edges, `[P]`; 1 where there were none."""
    return (_energy(edges) + LEAST_ENERGY) / (_energy(whole) + LEAST_ENERGY)


def _share_within(picture: Tensor, frame: Tensor, other: Tensor) -> Tensor:
    """Share of a picture's edges, by energy, that lies within the other's frame or a step from it, `[P]`."""
    step = picture.shape[-1] // 16
    near = F.max_pool2d(other, 2 * step + 1, 1, step) > 0.5
    energy = sum(g.square().sum(dim=1, keepdim=True) for g in gradients(picture)) * frame
    return (energy * near).sum(dim=(1, 2, 3)) / energy.sum(dim=(1, 2, 3)).clamp_min(LEAST_ENERGY)


def reduced(x: Tensor, side: int) -> Tensor:
    """Pictures `[P, C, S, S]` averaged down to a side; torch's general way takes ten times as long where S divides."""
    factor, rest = divmod(x.shape[-1], side)
    if rest:
        return F.adaptive_avg_pool2d(x, side)
    return x if factor == 1 else F.avg_pool2d(x, factor)


def _ink(thumbnails: NDArray[np.uint8]) -> Tensor:
    """What is not paper, 0..1, `[P, 3, LONG_SIDE, LONG_SIDE]`."""
    return 1 - reduced(torch.from_numpy(np.array(thumbnails)) / 255, LONG_SIDE)


def _frames(sizes: NDArray[np.int64]) -> Tensor:
    """1 where the picture is, 0 where it was padded to a square, `[P, 1, LONG_SIDE, LONG_SIDE]`."""
    half = torch.from_numpy(sizes / sizes.max(axis=1, keepdims=True))  # of the picture, in halves of the square
    distance = ((torch.arange(LONG_SIDE) * 2 + 1) / LONG_SIDE - 1).abs()
    return ((distance <= half[:, :1])[:, None, :] & (distance <= half[:, 1:])[:, :, None])[:, None].float()
