"""The figures that the benchmark quotes, against scikit-learn's."""

import numpy as np
import pytest
from sklearn import metrics

from benchmarks.text import Answers, Logos, compare, figures, measure


def answers(seed: int, has_text: np.ndarray, noise: float) -> Answers:
    generator = np.random.default_rng(seed)
    scores = np.round(has_text + generator.normal(0, noise, len(has_text)), 1)  # rounded, so that there are ties
    return Answers(scores, (scores >= 0.5)[None], images_per_s=1.0)


@pytest.fixture
def logos() -> Logos:
    generator = np.random.default_rng(0)
    return Logos([np.zeros((1, 1, 3), np.uint8)] * 300, generator.random(300) < 0.4, generator.random(300) < 0.7)


def test_figures_equal_those_of_scikit_learn(logos: Logos) -> None:
    found = answers(1, logos.has_text, 0.5)
    rows = np.random.default_rng(2).integers(0, 300, 300)
    text, judged = logos.has_text[rows], found.found[0, rows]
    expected = [
        metrics.roc_auc_score(text, found.scores[rows]),
        metrics.precision_score(text, judged),
        metrics.recall_score(text, judged),
        metrics.f1_score(text, judged),
    ]
    np.testing.assert_allclose(figures(found, logos.has_text, rows), expected)


def test_repeats_of_the_cross_validation_count_together(logos: Logos) -> None:
    found = answers(1, logos.has_text, 0.5)
    twice = Answers(found.scores, np.concatenate([found.found, ~found.found]), 1.0)
    rows = np.arange(300)
    _, precision, recall, _ = figures(twice, logos.has_text, rows)
    assert precision == pytest.approx(logos.has_text.mean())
    assert recall == pytest.approx(0.5)


def test_a_better_method_is_better_by_the_paired_interval_and_the_same_one_by_nothing(logos: Logos) -> None:
    good, bad = answers(1, logos.has_text, 0.3), answers(2, logos.has_text, 0.8)
    gain, square = compare("good", good, bad, logos)
    assert 0 < gain.auc.low < gain.auc.value < gain.auc.high
    assert square.subset == "square"
    (same, _) = compare("same", good, good, logos)
    assert (same.auc.low, same.auc.high) == (0, 0)


def test_the_square_subset_is_measured_alone(logos: Logos) -> None:
    found = answers(1, logos.has_text, 0.5)
    _, square = measure("x", found, logos)
    expected = metrics.roc_auc_score(logos.has_text[logos.square], found.scores[logos.square])
    assert square.auc.value == pytest.approx(expected)
    assert square.auc.low < expected < square.auc.high
