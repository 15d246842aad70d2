"""Probabilities and what is expected of thresholds, as shipped and as they are fitted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from craft.calibrate import cross_validated, curve, precision_and_recall
from craft.decision import Calibration, load_bounds, load_calibration

SHARES = st.floats(0.002, 0.998)


@pytest.fixture(params=["symbols", "text"])
def calibration(request: pytest.FixtureRequest) -> Calibration:
    return load_calibration(request.param)


@given(SHARES)
def test_score_is_the_inverse_of_probability(score: float) -> None:
    calibration = load_calibration()
    assert calibration.score(calibration.probability(score)) == pytest.approx(score, rel=1e-6)


@given(SHARES, SHARES)
def test_a_higher_score_is_never_less_probable(one: float, other: float) -> None:
    calibration = load_calibration()
    low, high = sorted((one, other))
    assert calibration.probability(low) <= calibration.probability(high)


def test_a_higher_threshold_finds_less(calibration: Calibration) -> None:
    recalls = [e.recall for e in calibration.expected]
    assert recalls == sorted(recalls, reverse=True)
    assert all(0 <= e.precision <= 1 and 0 <= e.recall <= 1 for e in calibration.expected)


def test_expectations_are_those_of_the_nearest_threshold() -> None:
    calibration = load_calibration()
    assert calibration.expect(0.5) == next(e for e in calibration.expected if e.threshold == 0.5)
    assert calibration.expect(0.504) == calibration.expect(0.5)


def test_the_default_threshold_lies_where_the_screen_is_proven() -> None:
    bounds, calibration = load_bounds(), load_calibration()
    assert bounds.lowest < calibration.score(0.5) < bounds.highest


def test_a_fitted_curve_gives_back_the_probabilities_that_labels_were_drawn_from() -> None:
    generator = np.random.default_rng(0)
    scores = generator.uniform(0.01, 0.99, 40_000)
    true = Calibration(0.4, 1.7, 0, 0, ())
    has_text = generator.random(40_000) < np.vectorize(true.probability)(scores)
    assert curve(scores, has_text) == pytest.approx((0.4, 1.7), abs=0.06)


def test_out_of_fold_probabilities_know_nothing_of_their_own_label() -> None:
    generator = np.random.default_rng(0)
    scores, has_text = generator.uniform(0.01, 0.99, 200), generator.random(200) < 0.5
    probabilities = cross_validated(scores, has_text)
    assert probabilities.shape == (10, 200)
    assert abs(np.corrcoef(probabilities.mean(axis=0), has_text)[0, 1]) < 0.2  # unrelated scores stay unrelated


def test_precision_and_recall_are_counted_over_all_repeats() -> None:
    probabilities = np.array([[0.9, 0.6, 0.2, 0.1], [0.4, 0.6, 0.2, 0.7]])
    has_text = np.array([True, True, False, False])
    assert precision_and_recall(probabilities, has_text, 0.5) == (3 / 4, 3 / 4)
    assert precision_and_recall(probabilities, has_text, 0.95) == (1.0, 0.0)
