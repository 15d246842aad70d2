"""How far two sets of images cover each other: balls around features, as large as the way to the k-th neighbour."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np

from evaluation.distances import Features, distance_blocks, radii


class PrecisionRecall(NamedTuple):
    """Shares from 0 to 1: of fakes that lie in a real's ball, and of reals that lie in a fake's ball."""

    precision: float
    recall: float


class DensityCoverage(NamedTuple):
    """Balls of reals that hold a fake, per k; and the share of reals, 0 to 1, whose ball holds a fake."""

    density: float
    coverage: float


def precision_recall(real: Features, fake: Features, k: int = 3) -> PrecisionRecall:
    """Improved precision and recall (Kynkäänniemi et al. 2019).

    Recall is flattered by fakes that are far from everything, because their balls are huge: read it beside coverage.

    Args:
        real: `[N, D]`.
        fake: `[M, D]`.
        k: which neighbour gives a ball its radius.

    Raises:
        ValueError: the dimensions differ, or a set has no more than k features.
    """
    real_radii, fake_radii = radii(real, k), radii(fake, k)
    realistic = np.zeros(len(fake), bool)
    recalled = np.zeros(len(real), bool)
    for rows, distances in distance_blocks(real, fake):
        realistic |= (distances <= real_radii[rows, None]).any(axis=0)
        recalled[rows] = (distances <= fake_radii).any(axis=1)
    return PrecisionRecall(float(realistic.mean()), float(recalled.mean()))


def density_coverage(real: Features, fake: Features, k: int = 5) -> DensityCoverage:
    """Density and coverage (Naeem et al. 2020), which outliers among the reals do not flatter.

    Two samples of one distribution have density 1 and coverage 1 - 2^-k, about 0.97 for k = 5.

    Args:
        real: `[N, D]`.
        fake: `[M, D]`.
        k: which neighbour gives a ball its radius.

    Raises:
        ValueError: the dimensions differ, or there are no more than k reals.
    """
    real_radii = radii(real, k)
    held = 0
    covered = 0
    for rows, distances in distance_blocks(real, fake):
        inside = distances <= real_radii[rows, None]
        held += int(inside.sum())
        covered += int(inside.any(axis=1).sum())
    return DensityCoverage(held / (k * len(fake)), covered / len(real))


def expected_coverage(real: int, fake: int, neighbours: int) -> float:
    """Coverage that as many fakes of the real distribution reach on average.

    A real image is not covered when its nearest `neighbours` among all others, real and fake, are real (Naeem et al.
    2020, section 3.3).

    Args:
        real: number of real images.
        fake: number of generated ones.
        neighbours: k of the balls.
    """
    return 1 - prod((real - i) / (real + fake - i) for i in range(1, neighbours + 1))
