"""Fréchet distance between two Gaussians fitted to features (Heusel et al. 2017); in Inception's features it is FID."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluation.distances import Features, Vector, check

ROWS = 4096  # converted to float64 at a time


@dataclass(frozen=True)
class Moments:
    """Mean `[D]` and covariance `[D, D]` (divided by N - 1) of a set of features: all that the distance needs of it."""

    mean: Vector
    covariance: Vector


def moments(features: Features) -> Moments:
    """Fit a Gaussian to features `[N, D]` in float64; N may be less than D.

    Raises:
        ValueError: there are fewer than two features.
    """
    if features.ndim != 2 or len(features) < 2:
        raise ValueError(f"Features of shape {features.shape} have no covariance: give at least two images.")
    mean = features.mean(axis=0, dtype=np.float64)
    scatter = np.zeros((features.shape[1], features.shape[1]))
    for start in range(0, len(features), ROWS):
        centred = features[start : start + ROWS].astype(np.float64) - mean
        scatter += centred.T @ centred
    return Moments(mean, scatter / (len(features) - 1))


def frechet_distance(a: Features, b: Features) -> float:
    """Squared Fréchet distance between Gaussians fitted to two sets of features.

    It is biased upwards where images are few, so compare figures of the same N only, and beside the distance between
    two halves of the real images.

    Args:
        a: `[N, D]`.
        b: `[M, D]`.

    Raises:
        ValueError: the dimensions differ, or a set has fewer than two features.
    """
    check(a, b)
    return _between(*_fit(a), *_fit(b))


def frechet_between(a: Moments, b: Moments) -> float:
    """|m_a - m_b|² + tr(C_a + C_b - 2 (C_a C_b)^½) for two fitted Gaussians.

    The trace of the square root is the sum of the singular values of A^T B where C_a = A A^T and C_b = B B^T. That form
    is real and non-negative by itself, so singular covariances need no added diagonal and no dropped imaginary part.
    """
    return _between(a.mean, _factor(a.covariance), b.mean, _factor(b.covariance))


def _between(mean_a: Vector, factor_a: Vector, mean_b: Vector, factor_b: Vector) -> float:
    cross = np.linalg.svd(factor_a.T @ factor_b, compute_uv=False).sum()
    difference = mean_a - mean_b
    squared = difference @ difference + (factor_a**2).sum() + (factor_b**2).sum() - 2 * cross
    return max(0.0, float(squared))


def _fit(features: Features) -> tuple[Vector, Vector]:
    """Mean `[D]` of features, and a factor of their covariance: of few images, the centred features themselves."""
    n, dimensions = features.shape
    if not 2 <= n <= dimensions:
        fitted = moments(features)
        return fitted.mean, _factor(fitted.covariance)
    mean = features.mean(axis=0, dtype=np.float64)
    return mean, (features.astype(np.float64) - mean).T / (n - 1) ** 0.5


def _factor(covariance: Vector) -> Vector:
    """A matrix `[D, rank]` whose product with its transpose is the covariance."""
    values, vectors = np.linalg.eigh(covariance)
    # Zero eigenvalues come out as noise of this size; its root would add up over a thousand dimensions.
    noise = values[-1] * len(values) * np.finfo(np.float64).eps
    kept = values > noise
    factor: Vector = vectors[:, kept] * np.sqrt(values[kept])
    return factor
