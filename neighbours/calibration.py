"""How well copies are found in a collection: measured on copies made of its own logos; and the thresholds for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neighbours.comparison import Differences, Tolerance
from neighbours.copies import KINDS, Pixels, make_copy, recolour
from neighbours.duplicates import Described, compare_across
from neighbours.search import search

RECOLOURED = "recoloured"  # a kind of trial that is no copy
LEAST_SIDE = 32  # px: smaller copies are made and told of, but no threshold is chosen for their sake
REACHED = 0.998  # share of the copies that a threshold on the cosine lets through
SCALES = (0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2)  # of the tolerance that are tried


@dataclass(frozen=True)
class Trial:
    """A picture made from a logo.

    Attributes:
        row: of the logo.
        kind: one of `neighbours.copies.KINDS`, or RECOLOURED.
        pixels: RGB `[H, W, 3]`.
    """

    row: int
    kind: str
    pixels: Pixels

    @property
    def counts(self) -> bool:
        """Whether it is a copy that is large enough to be asked for."""
        return self.kind != RECOLOURED and max(self.pixels.shape[:2]) >= LEAST_SIDE


@dataclass(frozen=True)
class Step:
    """What a tolerance gives: expected precision and recall of pairs, where each logo had one copy of each kind."""

    scale: float
    precision: float
    recall: float


@dataclass(frozen=True)
class Calibration:
    """The thresholds, and what to expect of them.

    Attributes:
        similarity: least cosine of a candidate pair.
        tolerance: of the pixels.
        chosen: what is expected of that tolerance.
        steps: the same for every tolerance that was tried, the strictest first.
        found: share of the copies that are found, by kind; of the recoloured ones the share that is taken for a copy.
        missed: indices of the trials that were decided wrongly.
    """

    similarity: float
    tolerance: Tolerance
    chosen: Step
    steps: tuple[Step, ...]
    found: dict[str, float]
    missed: tuple[int, ...]


def make_trials(pictures: Sequence[Pixels], rows: Sequence[int], seed: int) -> list[Trial]:
    """A copy of each kind of each picture, and the picture in other colours where it has colours.

    Args:
        pictures: RGB `[H, W, 3]` on white.
        rows: where each stands among the logos.
        seed: draws the changes; each picture's depend on it and on the row alone.
    """
    trials = []
    for row, picture in zip(rows, pictures, strict=True):
        random = np.random.default_rng((seed, row))
        trials += [Trial(row, kind, make_copy(picture, kind, random)) for kind in KINDS]
        if (changed := recolour(picture, random)) is not None:
            trials.append(Trial(row, RECOLOURED, changed))
    return trials


def calibrate(
    logos: Described, trials: Sequence[Trial], described: Described, neighbours: int, precision: float
) -> Calibration:
    """Choose the loosest tolerance that keeps the precision, and the cosine that nearly all copies reach.

    Args:
        logos: the collection.
        trials: made from some of its logos.
        described: the trials, `[M]`.
        neighbours: nearest neighbours of each that are looked at.
        precision: share of the pairs found that shall be right; the strictest tolerance is taken if none reaches it.
    """
    own = np.array([trial.row for trial in trials])
    wanted = _wanted(trials)
    cosines = np.einsum("nd,nd->n", described.vectors, logos.vectors[own])
    similarity = float(np.quantile(cosines[wanted], 1 - REACHED))

    near = search(logos.vectors, described.vectors, neighbours)
    which, place = np.nonzero(near.similarities >= similarity)
    other = near.indices[which, place]
    differences = compare_across(described, logos, which, other, Tolerance())
    right, wrong = _truth(logos, trials, which, other, differences)

    steps, verdicts = [], []
    for scale in SCALES:
        same = differences.within(Tolerance().scaled(scale))
        true, false = int((same & right & wanted[which]).sum()), int((same & wrong).sum())
        steps.append(Step(scale, true / max(1, true + false), true / max(1, int(wanted.sum()))))
        verdicts.append(same)
    chosen = max((n for n, step in enumerate(steps) if step.precision >= precision), default=0)
    same = verdicts[chosen]
    caught = np.zeros(len(trials), bool)
    caught[which[same & (other == own[which])]] = True
    return Calibration(
        similarity,
        Tolerance().scaled(SCALES[chosen]),
        steps[chosen],
        tuple(steps),
        _by_kind(trials, wanted, caught),
        tuple(n for n, trial in enumerate(trials) if caught[n] == (trial.kind == RECOLOURED)),
    )


def _truth(
    logos: Described,
    trials: Sequence[Trial],
    which: NDArray[np.int64],
    other: NDArray[np.int64],
    differences: Differences,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which pairs of a trial and a logo are right if they are found, and which are wrong, bool `[P]`.

    A copy and another logo than its own are wrong, unless these two logos are copies themselves as far as anybody
    knows; a recoloured logo and its own are.
    """
    loosest = Tolerance().scaled(SCALES[-1])
    own = np.array([trial.row for trial in trials])[which]
    copy = np.array([trial.kind != RECOLOURED for trial in trials])[which]
    doubtful = np.flatnonzero(copy & (own != other) & differences.within(loosest))
    alike = compare_across(logos, logos, own[doubtful], other[doubtful], loosest).within(loosest)
    wrong = (~copy & (own == other)) | (copy & (own != other))
    wrong[doubtful[alike]] = False
    return copy & (own == other), wrong


def _wanted(trials: Sequence[Trial]) -> NDArray[np.bool_]:
    """Which trials ought to be found, bool `[M]`: the copies that are large enough, or all if the logos are not."""
    large = np.array([trial.counts for trial in trials])
    return large if large.any() else np.array([trial.kind != RECOLOURED for trial in trials])


def _by_kind(trials: Sequence[Trial], wanted: NDArray[np.bool_], caught: NDArray[np.bool_]) -> dict[str, float]:
    """Share of the trials of each kind that were taken for a copy of their logo, of those that count."""
    rows = {
        kind: [n for n, trial in enumerate(trials) if trial.kind == kind and (wanted[n] or kind == RECOLOURED)]
        for kind in (*KINDS, RECOLOURED)
    }
    return {kind: float(caught[members].mean()) for kind, members in rows.items() if members}
