"""Precision, recall, density and coverage against loops over their definitions."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from evaluation.coverage import density_coverage, precision_recall

Array = NDArray[np.float64]


def distance(x: Array, y: Array) -> float:
    return math.dist(x.tolist(), y.tolist())


def radii_by_loops(features: Array, k: int) -> list[float]:
    return [sorted(distance(x, y) for j, y in enumerate(features) if j != i)[k - 1] for i, x in enumerate(features)]


@pytest.mark.parametrize("k", [1, 3, 5])
def test_precision_and_recall_equal_the_loops(real: Array, fake: Array, k: int) -> None:
    inside = [[distance(r, f) <= radius for r, radius in zip(real, radii_by_loops(real, k), strict=True)] for f in fake]
    recalled = [
        [distance(r, f) <= radius for f, radius in zip(fake, radii_by_loops(fake, k), strict=True)] for r in real
    ]
    result = precision_recall(real, fake, k)
    assert_allclose(result, (np.mean([any(row) for row in inside]), np.mean([any(row) for row in recalled])))
    assert 0 < result.precision < 1


@pytest.mark.parametrize("k", [1, 3, 5])
def test_density_and_coverage_equal_the_loops(real: Array, fake: Array, k: int) -> None:
    inside = np.array(
        [[distance(r, f) <= radius for f in fake] for r, radius in zip(real, radii_by_loops(real, k), strict=True)]
    )
    result = density_coverage(real, fake, k)
    assert_allclose(result, (inside.sum() / (k * len(fake)), np.mean([row.any() for row in inside])))


def test_two_samples_of_one_distribution_have_the_expected_density_and_coverage() -> None:
    """Density 1; coverage 1 - 2^-5, from equation 9 of Naeem et al. 2020 for as many fakes as reals."""
    a, b = np.random.default_rng(0).normal(size=(2, 3000, 8))
    result = density_coverage(a, b, k=5)
    assert_allclose(result.density, 1, atol=0.03)
    assert_allclose(result.coverage, 1 - 2**-5, atol=0.01)


def test_lost_modes_lower_recall_and_coverage_but_not_precision() -> None:
    rng = np.random.default_rng(0)
    modes = rng.normal(size=(600, 4)) + 20 * np.repeat(np.eye(4)[:2], 300, axis=0)
    fakes = rng.normal(size=(300, 4)) + 20 * np.eye(4)[0]
    assert precision_recall(modes, fakes).precision > 0.6
    assert precision_recall(modes, fakes).recall < 0.5
    assert density_coverage(modes, fakes).coverage < 0.5


def test_refuses_a_neighbour_that_does_not_exist(real: Array) -> None:
    with pytest.raises(ValueError, match="smaller k"):
        precision_recall(real[:3], real)
