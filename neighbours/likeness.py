"""Which logos a picture repeats: its nearest in two embeddings, looked at pixel by pixel, in its own or other colours.

The encoder's vectors see colours first, outlines do not see them at all, so each proposes; pixels decide.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from neighbours.comparison import Differences, Tolerance, compare
from neighbours.described import Described
from neighbours.recoloured import compare_in_any_colours
from neighbours.search import search
from neighbours.vectors import Vectors

USUAL = 2000  # logos whose distances among themselves tell what is usual
NEIGHBOURS = 8  # nearest logos by vectors, and as many by outlines, that are looked at
PLAIN = Tolerance(gist=0.32)
"""A mark that lies partly outside of its picture has another gist. Few pairs are proposed, so more are looked at."""
COLOURLESS = Tolerance(gist=0.15).scaled(0.8)
"""A map of colours makes pictures more alike, so less may differ; and silhouettes hardly change with the colours."""

Rows = NDArray[np.int64]
Pairs = tuple[Rows, Rows]
"""Rows of pictures and of logos, `[P]` each."""


class Likeness(IntEnum):
    """What a picture is of a logo; the larger, the surer."""

    NONE = 0
    MIRRORED = 1
    RECOLOURED = 2
    COPY = 3

    @property
    def words(self) -> str:
        """The same as people say it."""
        return {0: "no copy", 1: "mirrored copy", 2: "recoloured copy", 3: "copy"}[self]

    @property
    def reason(self) -> str:
        """What was seen, as a sentence."""
        return {
            0: "None of the logos nearest to it shows the same mark.",
            1: "It shows the same mark mirrored, in these or other colours.",
            2: "It shows the same mark in other colours.",
            3: "It shows the same mark in the same colours.",
        }[self]


@dataclass(frozen=True)
class Rules:
    """When a picture repeats a logo.

    Attributes:
        plain: how much the pixels of a copy may differ.
        colourless: how much they may differ once the colours are matched.
    """

    plain: Tolerance = PLAIN
    colourless: Tolerance = COLOURLESS


@dataclass(frozen=True)
class View:
    """Pictures as they are looked for: with N vectors, thumbnails and sizes, and their outlines `[N, L]`."""

    described: Described
    outlines: Vectors

    def propose(self, vectors: Vectors, outlines: Vectors, neighbours: int = NEIGHBOURS) -> Pairs:
        """The pairs worth a look: each picture and the logos nearest to it by vectors `[M, D]` or outlines `[M, L]`."""
        found = [
            search(vectors, self.described.vectors, neighbours).indices,
            search(outlines, self.outlines, neighbours).indices,
        ]
        logos = np.concatenate(found, axis=1)
        rows = np.repeat(np.arange(len(logos)), logos.shape[1])
        picture, logo = np.unique(np.stack([rows, logos.ravel()]), axis=1)
        return picture, logo


@dataclass(frozen=True)
class Looked:
    """Pairs of a picture and a logo that were looked at.

    Attributes:
        picture: rows of pictures, `[P]`.
        logo: rows of logos, `[P]`.
        similarity: cosine of their vectors, `[P]`.
        mirrored: whether the picture was turned over, bool `[P]`.
        plain: what is different.
        colourless: what is different once the colours are matched.
    """

    picture: Rows
    logo: Rows
    similarity: NDArray[np.float32]
    mirrored: NDArray[np.bool_]
    plain: Differences
    colourless: Differences

    def judged(self, rules: Rules = Rules()) -> NDArray[np.int64]:
        """The `Likeness` of each pair, `[P]`."""
        plain, colourless = self.plain.within(rules.plain), self.colourless.within(rules.colourless)
        kind = np.where(plain, Likeness.COPY, np.where(colourless, Likeness.RECOLOURED, Likeness.NONE))
        return np.where(self.mirrored, np.minimum(kind, Likeness.MIRRORED), kind)


@dataclass(frozen=True)
class Near:
    """A logo near a picture.

    Attributes:
        row: of the logo.
        distance: Euclidean, of their unit vectors: 0 for equal ones, 1.41 for unrelated ones.
        likeness: what the picture is of it.
    """

    row: int
    distance: float
    likeness: Likeness


def look(
    views: Sequence[View], vectors: Vectors, outlines: Vectors, load: Callable[[Rows], tuple[NDArray[np.uint8], Rows]]
) -> Looked:
    """Propose pairs and look at them.

    Args:
        views: the pictures and, where those count, their mirror images.
        vectors: unit vectors of the logos that they may repeat, `[N, D]`.
        outlines: of the same, `[N, L]`.
        load: takes rows of logos, ascending, to their thumbnails and sizes, as `Described` has them; only those that
            are proposed are asked for.
    """
    pairs = [view.propose(vectors, outlines) for view in views]
    picture, logo = (np.concatenate(rows) for rows in zip(*pairs, strict=True))
    rows = np.unique(logo)
    logos = Described(vectors[rows], *load(rows))
    similarity, plain, colourless = [], [], []
    for view, (first, second) in zip(views, pairs, strict=True):
        seen = (view.described, logos, first, np.searchsorted(rows, second))
        similarity.append(np.einsum("nd,nd->n", view.described.vectors[first], vectors[second]))
        plain.append(compare(*seen, PLAIN))
        colourless.append(compare_in_any_colours(*seen, COLOURLESS))
    mirrored = np.repeat(np.arange(len(views)) > 0, [len(first) for first, _ in pairs])
    return Looked(picture, logo, np.concatenate(similarity), mirrored, _joined(plain), _joined(colourless))


def nearest(looked: Looked, pictures: int, rules: Rules, k: int) -> list[list[Near]]:
    """For each of so many pictures the k logos that it is most surely a copy of, and after those the nearest ones."""
    kinds = looked.judged(rules)
    distances = np.sqrt(np.maximum(0, 2 - 2 * looked.similarity))
    found: list[dict[int, Near]] = [{} for _ in range(pictures)]
    for picture, row, distance, kind in zip(
        looked.picture.tolist(), looked.logo.tolist(), distances.tolist(), kinds.tolist(), strict=True
    ):
        old = found[picture].get(row, Near(row, distance, Likeness.NONE))
        found[picture][row] = Near(row, min(distance, old.distance), max(Likeness(kind), old.likeness))
    return [sorted(near.values(), key=lambda one: (-one.likeness, one.distance, one.row))[:k] for near in found]


def among_themselves(vectors: Vectors, seed: int) -> NDArray[np.float64]:
    """Distances of some logos to the nearest other one, ascending: what is usual where nothing was generated."""
    rows = np.random.default_rng(seed).permutation(len(vectors))[:USUAL]
    cosines = search(vectors, vectors[rows], 2).similarities[:, -1].astype(np.float64)
    return np.sort(np.sqrt(np.maximum(0, 2 - 2 * cosines)))


def nearer_than(near: Sequence[Near], usual: NDArray[np.float64]) -> float:
    """Share of the logos that are farther from every other one than a picture is from the nearest of them."""
    least = min(one.distance for one in near)
    return 1 - float(np.searchsorted(usual, least)) / max(1, len(usual))


def _joined(parts: Sequence[Differences]) -> Differences:
    return Differences(*(np.concatenate(column) for column in zip(*(vars(p).values() for p in parts), strict=True)))
