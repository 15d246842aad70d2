"""How well copies are found in a collection: measured on copies made of its own logos; and the thresholds for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neighbours.comparison import Differences, Tolerance, compare
from neighbours.copies import KINDS, Pixels, make_copy, recolour
from neighbours.described import Described
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
    """What a tolerance gives on some trials: copies of each kind of each logo, and recoloured ones.

    Attributes:
        scale: of the tolerance.
        recall: share of the copies that are found.
        right: pairs of a copy and its logo that are found.
        wrong: pairs that are found and are none.
        doubtful: pairs of a copy and another logo that looks the same itself by this very comparison. They count as
            neither, for nobody knows whether those two logos are copies.
        trials: pictures that were looked for.
    """

    scale: float
    recall: float
    right: int
    wrong: int
    doubtful: int
    trials: int

    @property
    def precision(self) -> float:
        """Share of the pairs found that are right, at as many copies as the trials have; doubtful pairs left out."""
        return self.right / max(1, self.right + self.wrong)

    @property
    def least_precision(self) -> float:
        """The same if all doubtful pairs are wrong."""
        return self.right / max(1, self.right + self.wrong + self.doubtful)

    def precision_among(self, share: float) -> float:
        """Precision expected where only a share of the pictures, 0..1, has one copy."""
        found, mistaken = share * self.recall, self.wrong / max(1, self.trials)
        return found / max(1e-9, found + mistaken)


@dataclass(frozen=True)
class Calibration:
    """The thresholds, and what to expect of them.

    Attributes:
        similarity: least cosine of a candidate pair.
        tolerance: of the pixels.
        expected: what that tolerance gives on trials of logos by which nothing was chosen.
        held_out: how many logos these are; 0 where there was only one logo, which chose and was measured on.
        steps: what every tolerance that was tried gives on the trials that it was chosen by, the strictest first.
        found: share of all copies that are found, by kind; of the recoloured ones the share that is taken for a copy.
        missed: indices of the trials that were decided wrongly.
    """

    similarity: float
    tolerance: Tolerance
    expected: Step
    held_out: int
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
    logos: Described,
    trials: Sequence[Trial],
    described: Described,
    neighbours: int,
    precision: float,
    similarity: float | None = None,
) -> Calibration:
    """Choose the loosest tolerance that keeps the precision, and the cosine that nearly all copies reach.

    Both are chosen by the trials of every other logo, and what to expect of them is measured on the rest.

    Args:
        logos: the collection.
        trials: made from some of its logos.
        described: the trials, `[M]`.
        neighbours: nearest neighbours of each that are looked at.
        precision: share of the pairs found that shall be right; the strictest tolerance is taken if none reaches it.
        similarity: least cosine of a candidate pair, where it is not to be chosen.
    """
    own = np.array([trial.row for trial in trials])
    wanted = _wanted(trials)
    choosing, held_out = _halves(own, wanted)
    if similarity is None:
        cosines = np.einsum("nd,nd->n", described.vectors, logos.vectors[own])
        similarity = float(np.quantile(cosines[wanted & choosing], 1 - REACHED))

    near = search(logos.vectors, described.vectors, neighbours)
    which, place = np.nonzero(near.similarities >= similarity)
    other = near.indices[which, place]
    differences = compare(described, logos, which, other, Tolerance())
    truth = _truth(logos, trials, which, other, differences)

    steps = [_step(scale, differences, truth, which, wanted, choosing) for scale in SCALES]
    chosen = max((n for n, step in enumerate(steps) if step.precision >= precision), default=0)
    same = differences.within(Tolerance().scaled(SCALES[chosen]))
    caught = np.zeros(len(trials), bool)
    caught[which[same & (other == own[which])]] = True
    return Calibration(
        similarity,
        Tolerance().scaled(SCALES[chosen]),
        _step(SCALES[chosen], differences, truth, which, wanted, held_out),
        0 if choosing is held_out else len(set(own[held_out].tolist())),
        tuple(steps),
        _by_kind(trials, wanted, caught),
        tuple(n for n, trial in enumerate(trials) if caught[n] == (trial.kind == RECOLOURED)),
    )


@dataclass(frozen=True)
class _Truth:
    """What pairs of a trial and a logo are, bool `[P]` each; see `Step`."""

    right: NDArray[np.bool_]
    wrong: NDArray[np.bool_]
    doubtful: NDArray[np.bool_]


def _halves(own: NDArray[np.int64], wanted: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The trials of every other logo, and those of the rest, bool `[M]` each; all twice where only one has a copy."""
    logos = np.unique(own[wanted])
    choosing = np.isin(own, logos[::2]) if len(logos) > 1 else np.ones(len(own), bool)
    return choosing, ~choosing if len(logos) > 1 else choosing


def _step(
    scale: float,
    differences: Differences,
    truth: _Truth,
    which: NDArray[np.int64],
    wanted: NDArray[np.bool_],
    among: NDArray[np.bool_],
) -> Step:
    """What a tolerance gives on the trials among `[M]`, by their pairs `[P]`."""
    same = differences.within(Tolerance().scaled(scale)) & among[which]
    right = int((same & truth.right & wanted[which]).sum())
    return Step(
        scale,
        recall=right / max(1, int((wanted & among).sum())),
        right=right,
        wrong=int((same & truth.wrong).sum()),
        doubtful=int((same & truth.doubtful).sum()),
        trials=int(among.sum()),
    )


def _truth(
    logos: Described,
    trials: Sequence[Trial],
    which: NDArray[np.int64],
    other: NDArray[np.int64],
    differences: Differences,
) -> _Truth:
    """What each pair of a trial and a logo is.

    A copy and another logo than its own are wrong, unless these two logos pass for copies themselves: that is doubtful.
    A recoloured logo and its own are wrong.
    """
    loosest = Tolerance().scaled(SCALES[-1])
    own = np.array([trial.row for trial in trials])[which]
    copy = np.array([trial.kind != RECOLOURED for trial in trials])[which]
    asked = np.flatnonzero(copy & (own != other) & differences.within(loosest))
    doubtful = np.zeros(len(which), bool)
    doubtful[asked] = compare(logos, logos, own[asked], other[asked], loosest).within(loosest)
    wrong = (~copy & (own == other)) | (copy & (own != other) & ~doubtful)
    return _Truth(copy & (own == other), wrong, doubtful)


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
