"""Groups of duplicates without chains: whatever goes was verified against the one that stays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from neighbours.originals import Original, choose

Rows = NDArray[np.int64]


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


class Verdicts:
    """Which pairs show the same mark; each is looked at once, however often it is asked for."""

    def __init__(self, n: int, look: Callable[[Rows, Rows], NDArray[np.bool_]]) -> None:
        """Of n pictures, with what tells of pairs of rows `[P]` and `[P]`, the smaller first, which are the same."""
        self.n = n
        self._look = look
        self._pairs = np.empty(0, np.int64)  # first n + second, ascending
        self._same = np.empty(0, bool)

    def __len__(self) -> int:
        """How many pairs were looked at."""
        return len(self._pairs)

    def ask(self, first: Rows, second: Rows) -> NDArray[np.bool_]:
        """Which of the pairs are the same, bool `[P]`."""
        pairs = np.minimum(first, second) * self.n + np.maximum(first, second)
        new = np.setdiff1d(pairs, self._pairs)
        if len(new):
            both = np.concatenate([self._pairs, new])
            same = np.concatenate([self._same, self._look(*np.divmod(new, self.n))])
            order = np.argsort(both, kind="stable")
            self._pairs, self._same = both[order], same[order]
        return np.asarray(self._same[np.searchsorted(self._pairs, pairs)])

    def components(self) -> list[Rows]:
        """Rows that are linked through the same pairs, two and more together."""
        first, second = np.divmod(self._pairs[self._same], max(1, self.n))
        graph = coo_array((np.ones(len(first), bool), (first, second)), shape=(self.n, self.n))
        _, component = connected_components(graph, directed=False)
        order = np.argsort(component, kind="stable")
        members = np.split(order, np.cumsum(np.bincount(component, minlength=1))[:-1])
        return [rows for rows in members if len(rows) > 1]


def group(verdicts: Verdicts, originals: Sequence[Original]) -> list[Group]:
    """Groups of two and more, ordered by the row kept.

    Chains are broken: in each connected component the best picture is kept, the others are asked whether they are the
    same, those go, and the rest of the component starts again without them. All components take a step together, so
    that few pairs are never looked at alone.

    Args:
        verdicts: pairs that were looked at already make the components.
        originals: what decides about each picture, `[N]`.
    """
    groups: list[Group] = []
    components = [rows.tolist() for rows in verdicts.components()]
    while components:
        chosen = [choose(members, originals) for members in components]
        others = [
            [row for row in members if row != kept] for members, (kept, _) in zip(components, chosen, strict=True)
        ]
        lengths = [len(rows) for rows in others]
        kept_of_each = np.repeat(np.array([kept for kept, _ in chosen], np.int64), lengths)
        same = verdicts.ask(kept_of_each, np.concatenate([np.array(rows, np.int64) for rows in others]))
        components = []
        for (kept, reason), rows, told in zip(chosen, others, np.split(same, np.cumsum(lengths)[:-1]), strict=True):
            dropped = tuple(row for row, goes in zip(rows, told, strict=True) if goes)
            if dropped:
                groups.append(Group(kept, dropped, reason))
            rest = [row for row, goes in zip(rows, told, strict=True) if not goes]
            if len(rest) > 1:
                components.append(rest)
    return sorted(groups, key=lambda g: g.kept)
