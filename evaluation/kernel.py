"""Kernel distance (Bińkowski et al. 2018): unbiased squared mean discrepancy; in Inception's features it is KID."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluation.distances import Features, Vector, check


@dataclass(frozen=True)
class KernelDistance:
    """Mean and standard deviation over random subsets; a mean near zero may be negative, as it is unbiased.

    Attributes:
        mean: the distance.
        deviation: of one subset's distance; 0 when a subset is all there is.
        subset_size: images of each side in a subset.
    """

    mean: float
    deviation: float
    subset_size: int


def kernel_distance(
    a: Features, b: Features, subsets: int = 100, subset_size: int = 1000, seed: int = 0
) -> KernelDistance:
    """Distance between two sets of features under the kernel (x·y / D + 1)³.

    Its expectation does not depend on N, as the Fréchet distance's does: trust this one for a few hundred images.

    Args:
        a: `[N, D]`.
        b: `[M, D]`.
        subsets: how many random subsets, each drawn without replacement.
        subset_size: images of each side in a subset; fewer where a side has fewer.
        seed: of the draws.

    Raises:
        ValueError: the dimensions differ, or a set has fewer than two features.
    """
    check(a, b)
    size = min(subset_size, len(a), len(b))
    if size < 2 or subsets < 1:
        raise ValueError(
            f"{subsets} subsets of {size} images have no kernel distance: give at least one of two images."
        )
    generator = np.random.default_rng(seed)
    distances = [
        unbiased_mmd(a[generator.choice(len(a), size, replace=False)], b[generator.choice(len(b), size, replace=False)])
        for _ in range(subsets)
    ]
    return KernelDistance(float(np.mean(distances)), float(np.std(distances)), size)


def unbiased_mmd(a: Features, b: Features) -> float:
    """Unbiased squared maximum mean discrepancy of two sets of one size, `[n, D]` each, under the cubic kernel."""
    n = len(a)
    x, y = a.astype(np.float64), b.astype(np.float64)
    within_a, within_b, across = _cubic(x, x), _cubic(y, y), _cubic(x, y)
    pairs = n * (n - 1)  # a feature is not compared with itself
    within = (within_a.sum() - np.trace(within_a)) / pairs + (within_b.sum() - np.trace(within_b)) / pairs
    return float(within - 2 * across.mean())


def _cubic(x: Vector, y: Vector) -> Vector:
    product: Vector = (x @ y.T / x.shape[1] + 1) ** 3
    return product
