"""Whether a generator's classes come out as asked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluation.distances import Features, check


def share_in_asked(real: Features, labels: NDArray[np.int64], fake: Features, asked: NDArray[np.int64]) -> float:
    """Share of fakes, 0 to 1, that lie nearest to the mean of the class that they were asked for.

    Args:
        real: `[N, D]`.
        labels: class of each real, `[N]`.
        fake: `[M, D]`.
        asked: class that each fake was asked for, `[M]`.

    Raises:
        ValueError: the dimensions differ, or a set is empty.
    """
    check(real, fake)
    names = np.unique(labels)
    means = np.stack([real[labels == name].mean(axis=0, dtype=np.float64) for name in names])
    distances = (means**2).sum(axis=1) - 2 * fake.astype(np.float64) @ means.T  # but for the fake's own square
    return float((names[distances.argmin(axis=1)] == asked).mean())
