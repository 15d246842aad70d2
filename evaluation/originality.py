"""Whether generated images are copies: are they nearer to the training images than unseen real images are?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from evaluation.distances import Features, Vector, distance_blocks, radii

COPY_QUANTILE = 0.01  # nearer than all but this share of real images


@dataclass(frozen=True)
class Originality:
    """How generated images lie to the training images, judged by how real images do.

    Real images are those held out of the training; else the training images, each beside the others.

    Attributes:
        nearest: index of each fake's nearest training image, `[M]`.
        distances: to it, `[M]`.
        real_distances: of each real image to its nearest training image, `[H]`.
        closer: chance that a fake is nearer to the training images than a real one: 0.5 if new, 1 if copied.
        z: of the Mann-Whitney test behind `closer` (Meehan et al. 2020); below -3 chance does not explain the copies.
        copies: share of fakes nearer to a training image than all but 1 % of the reals.
    """

    nearest: NDArray[np.int64]
    distances: Vector
    real_distances: Vector
    closer: float
    z: float
    copies: float


def originality(fake: Features, training: Features, held_out: Features | None = None) -> Originality:
    """Compare the distances to the nearest training image of fakes and of real images.

    No metric on features proves that a generator does not memorise (Stein et al. 2023): look at the closest pairs, too.

    Args:
        fake: `[M, D]`.
        training: `[N, D]`, what the generator was trained on.
        held_out: `[H, D]`, real images it has not seen, from the same collection and without duplicates of those.
            None: there are none, and training images are compared, each beside its nearest other one.

    Raises:
        ValueError: the dimensions differ, or a set is empty.
    """
    distances, nearest = nearest_training(fake, training)
    real_distances = radii(training, 1) if held_out is None else nearest_training(held_out, training)[0]
    # Mann-Whitney's U counts the pairs in which the fake is farther, ties as halves.
    u = stats.mannwhitneyu(distances, real_distances).statistic
    m, h = len(fake), len(real_distances)
    return Originality(
        nearest=nearest,
        distances=distances,
        real_distances=real_distances,
        closer=float(1 - u / (m * h)),
        z=float((u - m * h / 2) / np.sqrt(m * h * (m + h + 1) / 12)),
        copies=float((distances < np.quantile(real_distances, COPY_QUANTILE)).mean()),
    )


def nearest_training(queries: Features, training: Features) -> tuple[Vector, NDArray[np.int64]]:
    """Distance to the nearest training image and its index, `[Q]` each."""
    best = np.empty(len(queries))
    nearest = np.empty(len(queries), np.int64)
    for rows, distances in distance_blocks(queries, training):
        nearest[rows] = distances.argmin(axis=1)
        best[rows] = distances[np.arange(len(distances)), nearest[rows]]
    return best, nearest
