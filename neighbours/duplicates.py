"""Duplicates: nearest neighbours propose, pixels decide, and of each group the best original is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neighbours.comparison import Tolerance, compare
from neighbours.described import Described
from neighbours.groups import Group, Verdicts, group
from neighbours.originals import Original
from neighbours.search import search, self_join

ROUNDING = 1e-5

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Terms:
    """What makes two pictures copies of one logo.

    Attributes:
        neighbours: nearest neighbours of each picture that are candidates.
        similarity: least cosine of their vectors.
        tolerance: how much their pixels may differ.
    """

    neighbours: int = 16
    similarity: float = 0.5
    tolerance: Tolerance = field(default_factory=Tolerance)


@dataclass(frozen=True)
class Copies:
    """What was found.

    Attributes:
        groups: ordered by the row kept.
        compared: pairs whose pixels were asked.
        recall: share of the true nearest neighbours that the search found, 0..1; 1 where it was exact.
    """

    groups: list[Group]
    compared: int
    recall: float


def find_copies(
    logos: Described, originals: Sequence[Original], terms: Terms, mirrored: Described | None = None
) -> Copies:
    """Groups of copies, however large: what the lists of nearest neighbours had no room for is looked for again.

    A list that is full of copies hides what lies behind them. So once copies have gone, those that stay and whose lists
    they filled search again, among what stays, until nothing more is found; each time far fewer are left.

    Args:
        logos: the pictures.
        originals: what decides which of them stays, `[N]`.
        terms: what makes a copy.
        mirrored: their mirror images, in the same order, where these count as copies.
    """
    views = [logos] if mirrored is None else [logos, mirrored]
    verdicts = Verdicts(len(originals), lambda first, second: _alike(views, first, second, terms))
    left = asking = np.arange(len(originals))
    recall, groups = 1.0, []
    while len(asking):
        found = [_nearest(logos, view, left, asking, terms.neighbours) for view in views]
        recall = min(recall, *(near.recall for near in found))
        verdicts.ask(*_pairs(found, terms.similarity))
        groups = group(verdicts, originals)
        gone = np.zeros(len(originals), bool)
        gone[[row for one in groups for row in one.dropped]] = True
        hidden = [
            (near.cosines.min(axis=1, initial=1) >= terms.similarity) & gone[near.rows].any(axis=1) for near in found
        ]
        asking = asking[np.any(hidden, axis=0) & ~gone[asking]]
        left = np.flatnonzero(~gone)
    return Copies(groups, len(verdicts), recall)


@dataclass(frozen=True)
class _Near:
    """The nearest others, rows and cosines `[Q, k]`, of the rows asking `[Q]`, and the recall of the search."""

    asking: Rows
    rows: Rows
    cosines: NDArray[np.float32]
    recall: float


def _nearest(logos: Described, view: Described, left: Rows, asking: Rows, k: int) -> _Near:
    """The k nearest, among the rows left, of the rows asking, as they look in a view."""
    if view is logos and len(asking) == len(logos.vectors):
        joined = self_join(logos.vectors, k)
        return _Near(asking, joined.indices, joined.similarities, joined.recall)
    found = search(logos.vectors[left], view.vectors[asking], k + 1)  # one more: the nearest may be the row itself
    rows, cosines = left[found.indices], found.similarities
    own = rows == asking[:, None]
    cosines = np.where(own, np.inf, cosines)  # never a pair, and no sign of an end of the list
    return _Near(asking, rows, cosines, found.recall)


def _pairs(found: Sequence[_Near], similarity: float) -> tuple[Rows, Rows]:
    """Each pair of different rows with at least this cosine once, the smaller row first, in ascending order."""
    sides = []
    for near in found:
        first, second = np.repeat(near.asking, near.rows.shape[1]), near.rows.ravel()
        wanted = (near.cosines.ravel() >= similarity) & (first != second)
        sides.append(np.stack([np.minimum(first, second), np.maximum(first, second)])[:, wanted])
    first, second = np.concatenate(sides, axis=1)
    _, index = np.unique(first * (second.max(initial=0) + 1) + second, return_index=True)
    return first[index], second[index]


def _alike(views: Sequence[Described], first: Rows, second: Rows, terms: Terms) -> NDArray[np.bool_]:
    """Which pairs show the same mark in any view of the second picture, bool `[P]`."""
    logos, same = views[0], np.zeros(len(first), bool)
    for view in views:
        open_ = np.flatnonzero(~same)
        near = open_[_cosines(logos, view, first[open_], second[open_]) >= terms.similarity]
        differences = compare(logos, view, first[near], second[near], terms.tolerance)
        same[near] = differences.within(terms.tolerance)
    return same


def _cosines(logos: Described, view: Described, first: Rows, second: Rows) -> NDArray[np.float32]:
    """Cosine of each pair, `[P]`: of the two that a mirrored pair has, by which was turned over, the larger."""
    sides = [(first, second)] if view is logos else [(first, second), (second, first)]
    found = [np.einsum("nd,nd->n", logos.vectors[one], view.vectors[two]) for one, two in sides]
    return np.asarray(np.max(found, axis=0) + ROUNDING)  # sums are rounded otherwise there
