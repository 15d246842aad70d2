"""The kernel distance against its definition with loops, and what being unbiased means."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from sklearn.metrics.pairwise import polynomial_kernel

from evaluation.kernel import kernel_distance, unbiased_mmd


def mmd_by_loops(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    n, dimensions = a.shape

    def kernel(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
        return float((sum(p * q for p, q in zip(x, y, strict=True)) / dimensions + 1) ** 3)

    within = sum(kernel(s[i], s[j]) for s in (a, b) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    across = sum(kernel(x, y) for x in a for y in b) / n**2
    return within - 2 * across


def test_equals_the_definition_by_loops(real: NDArray[np.float64], fake: NDArray[np.float64]) -> None:
    assert_allclose(unbiased_mmd(real[:20], fake[:20]), mmd_by_loops(real[:20], fake[:20]), rtol=1e-10)


def test_one_subset_of_everything_equals_scikit_learns_kernel(
    real: NDArray[np.float64], fake: NDArray[np.float64]
) -> None:
    a, b = real[:71], fake
    aa, bb, ab = (polynomial_kernel(x, y, degree=3, coef0=1) for x, y in ((a, a), (b, b), (a, b)))
    n = len(a)
    expected = ((aa.sum() - np.trace(aa)) + (bb.sum() - np.trace(bb))) / (n * (n - 1)) - 2 * ab.mean()
    result = kernel_distance(a, b, subsets=3)
    assert_allclose(result.mean, expected, rtol=1e-10)
    assert result.subset_size == 71
    assert result.deviation < 1e-12  # every subset is the whole set


def test_is_zero_on_average_between_samples_of_one_distribution_and_says_its_deviation() -> None:
    a, b = np.random.default_rng(3).normal(size=(2, 2000, 6))
    result = kernel_distance(a, b, subsets=60, subset_size=50)
    assert abs(result.mean) < 4 * result.deviation / np.sqrt(60) + 0.01
    assert result.deviation > 0
    assert kernel_distance(a, b + 0.5, subsets=60, subset_size=50).mean > 5 * abs(result.mean)


def test_is_the_same_for_the_same_seed(real: NDArray[np.float64], fake: NDArray[np.float64]) -> None:
    first, again, other = (kernel_distance(real, fake, subset_size=20, seed=seed) for seed in (4, 4, 5))
    assert first == again
    assert first != other


def test_refuses_a_single_image(real: NDArray[np.float64]) -> None:
    with pytest.raises(ValueError, match="at least one of two images"):
        kernel_distance(real, real[:1])
