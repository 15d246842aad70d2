"""The Fréchet distance against the closed form, scipy's matrix root, and its own symmetries."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from scipy import linalg

from evaluation.frechet import Moments, frechet_between, frechet_distance, moments


def by_matrix_root(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """The textbook formula, which needs full rank."""
    root = linalg.sqrtm(np.cov(a.T) @ np.cov(b.T)).real
    difference = a.mean(0) - b.mean(0)
    return float(difference @ difference + np.trace(np.cov(a.T) + np.cov(b.T) - 2 * root))


def test_equals_the_textbook_formula_with_a_matrix_root(real: NDArray[np.float64], fake: NDArray[np.float64]) -> None:
    assert_allclose(frechet_distance(real, fake), by_matrix_root(real, fake), rtol=1e-9)


def test_equals_the_closed_form_of_gaussians_on_the_axes() -> None:
    a = Moments(np.array([1.0, 2.0]), np.diag([4.0, 9.0]))
    b = Moments(np.array([0.0, 2.0]), np.diag([1.0, 16.0]))
    assert_allclose(frechet_between(a, b), 1 + (2 - 1) ** 2 + (3 - 4) ** 2)


def test_equals_the_closed_form_when_both_covariances_are_singular() -> None:
    """Two lines at an angle θ: the root's trace is |cos θ| times both deviations."""
    u, v = np.array([1.0, 0, 0, 0]), np.array([0.6, 0.8, 0, 0])
    a, b = Moments(np.zeros(4), 9 * np.outer(u, u)), Moments(np.zeros(4), 4 * np.outer(v, v))
    assert_allclose(frechet_between(a, b), 9 + 4 - 2 * 3 * 2 * 0.6)


def test_fewer_images_than_dimensions_equal_the_distance_inside_the_space_they_span() -> None:
    rng = np.random.default_rng(0)
    low_a, low_b = rng.normal(size=(40, 5)), rng.normal(1, 2, size=(30, 5))
    basis = np.linalg.qr(rng.normal(size=(64, 5)))[0]  # 64 dimensions, all but 5 of them empty
    assert_allclose(frechet_distance(low_a @ basis.T, low_b @ basis.T), by_matrix_root(low_a, low_b), rtol=1e-9)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 40), dimensions=st.integers(1, 30))
def test_is_symmetric_and_zero_against_itself(seed: int, n: int, dimensions: int) -> None:
    a, b = np.random.default_rng(seed).normal(size=(2, n, dimensions))
    assert_allclose(frechet_distance(a, b), frechet_distance(b, a), rtol=1e-8, atol=1e-9)
    assert frechet_distance(a, a) < 1e-9 * dimensions


def test_few_images_against_many_equal_the_distance_of_their_fitted_gaussians(real: NDArray[np.float64]) -> None:
    few = real[:5] + 1
    assert_allclose(frechet_distance(real, few), frechet_between(moments(real), moments(few)), rtol=1e-9)


def test_moments_do_not_depend_on_the_chunks_and_equal_numpys() -> None:
    features = np.random.default_rng(0).normal(5, 2, size=(9001, 3)).astype(np.float32)  # three chunks
    fitted = moments(features)
    assert_allclose(fitted.mean, features.astype(np.float64).mean(0), rtol=1e-12)
    assert_allclose(fitted.covariance, np.cov(features.astype(np.float64).T), rtol=1e-10)


def test_refuses_features_of_two_networks(real: NDArray[np.float64]) -> None:
    with pytest.raises(ValueError, match="one network"):
        frechet_distance(real, real[:, :4])
