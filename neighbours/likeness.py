"""Which logos a picture repeats: its nearest in two embeddings, looked at pixel by pixel, in its own or other colours.

The encoder's vectors see colours first, outlines do not see them at all, so each proposes; pixels decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from neighbours.comparison import Differences, Tolerance, compare
from neighbours.described import Described
from neighbours.recoloured import compare_in_any_colours
from neighbours.search import search
from neighbours.vectors import Vectors

NEIGHBOURS = 16  # nearest logos by vectors, and as many by outlines, that are looked at

Rows = NDArray[np.int64]
Pairs = tuple[Rows, Rows]
"""Rows of pictures and of logos, `[P]` each."""


class Likeness(IntEnum):
    """What a picture is of a logo; the larger, the surer."""

    NONE = 0
    MIRRORED = 1
    RECOLOURED = 2
    COPY = 3


@dataclass(frozen=True)
class Rules:
    """When a picture repeats a logo.

    Attributes:
        plain: how much the pixels of a copy may differ.
        colourless: how much they may differ once the colours are matched.
    """

    plain: Tolerance = field(default_factory=Tolerance)
    colourless: Tolerance = field(default_factory=Tolerance)


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


def look(views: Sequence[View], logos: Described, pairs: Sequence[Pairs]) -> Looked:
    """Look at proposed pairs.

    Args:
        views: the pictures and, where those count, their mirror images.
        logos: what they may repeat.
        pairs: for each view.
    """
    picture, logo = (np.concatenate(rows) for rows in zip(*pairs, strict=True))
    mirrored = np.repeat(np.arange(len(views)) > 0, [len(rows) for rows, _ in pairs])
    similarity, plain, colourless = [], [], []
    for view, rows in zip(views, pairs, strict=True):
        similarity.append(np.einsum("nd,nd->n", view.described.vectors[rows[0]], logos.vectors[rows[1]]))
        plain.append(compare(view.described, logos, *rows, Tolerance()))
        colourless.append(compare_in_any_colours(view.described, logos, *rows, Tolerance()))
    return Looked(picture, logo, np.concatenate(similarity), mirrored, _joined(plain), _joined(colourless))


def _joined(parts: Sequence[Differences]) -> Differences:
    return Differences(*(np.concatenate(column) for column in zip(*(vars(p).values() for p in parts), strict=True)))
