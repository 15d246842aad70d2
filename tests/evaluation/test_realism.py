"""Realism against loops over its definition; sorting against what exchangeable images have to come to."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from evaluation.realism import FEWEST, realism, shares, sort_images, yardstick

Array = NDArray[np.float64]


def distance(x: Array, y: Array) -> float:
    return math.dist(x.tolist(), y.tolist())


def radii_by_loops(features: Array, k: int) -> list[float]:
    return [sorted(distance(x, y) for j, y in enumerate(features) if j != i)[k - 1] for i, x in enumerate(features)]


@pytest.mark.parametrize("k", [1, 3])
def test_realism_equals_the_loops_with_the_wider_half_of_the_balls_dropped(real: Array, fake: Array, k: int) -> None:
    radii = radii_by_loops(real, k)
    kept = [(r, radius) for r, radius in zip(real, radii, strict=True) if radius <= np.median(radii)]
    assert len(kept) == 42  # of 83
    expected = [max(radius / (distance(f, r) + 1e-5) for r, radius in kept) for f in fake]
    assert_allclose(realism(real, fake, k), expected, rtol=1e-9)


def test_an_outlier_among_the_reals_makes_nothing_realistic(real: Array) -> None:
    outlier = np.full((1, 7), 100.0)
    assert realism(np.vstack([real, outlier]), outlier - 5)[0] < 0.1


def two_clusters(count: int, seed: int) -> tuple[Array, NDArray[np.int64]]:
    """A wide cluster and a narrow one far from it."""
    random = np.random.default_rng(seed)
    clusters = np.arange(count) % 2
    return random.normal(size=(count, 6)) * np.where(clusters, 0.2, 1)[:, None] + 20 * clusters[:, None], clusters


def test_images_like_the_real_ones_are_good_and_poor_as_often_as_unseen_real_ones() -> None:
    real, clusters = two_clusters(4000, 0)
    fake, asked = two_clusters(2000, 1)
    found = shares(sort_images(real, clusters, fake, asked), asked)
    for grades in found.values():
        assert_allclose([grades["good"], grades["medium"], grades["poor"]], [0.8, 0.15, 0.05], atol=0.04)


def test_an_image_is_measured_by_the_cluster_that_it_was_asked_for() -> None:
    real, clusters = two_clusters(800, 0)
    fake, _ = two_clusters(2, 1)
    swapped = sort_images(real, clusters, fake, np.array([1, 0]))
    assert [verdict.grade for verdict in swapped] == ["poor", "poor"]
    assert all("95%" in verdict.reason for verdict in swapped)


def test_a_small_cluster_is_measured_by_all() -> None:
    real, clusters = two_clusters(800, 0)
    few = np.append(np.flatnonzero(clusters == 0), np.flatnonzero(clusters == 1)[: FEWEST - 1])
    (verdict,) = sort_images(real[few], clusters[few], real[few][-1:], np.array([1]))
    assert_allclose(verdict.realism, realism(yardstick(real[few], 0).balls, real[few][-1:])[0])


def test_vetoes_make_an_image_poor_whatever_its_realism() -> None:
    real, clusters = two_clusters(800, 0)
    fake, asked = real[:40], clusters[:40]
    text, critic = np.zeros(40), np.random.default_rng(0).normal(size=40)
    text[3], critic[4] = 0.8, -30
    plain = sort_images(real, clusters, fake, asked)
    vetoed = sort_images(real, clusters, fake, asked, text=text, critic=critic)
    assert [verdict.grade for verdict in vetoed[3:5]] == ["poor", "poor"]
    assert "text (probability 0.80)" in vetoed[3].reason
    assert "discriminator" in vetoed[4].reason
    assert [v for n, v in enumerate(vetoed) if n not in (3, 4)] == [v for n, v in enumerate(plain) if n not in (3, 4)]


def test_shares_add_up() -> None:
    real, clusters = two_clusters(800, 0)
    fake, asked = two_clusters(60, 1)
    for grades in shares(sort_images(real, clusters, fake, asked), asked).values():
        assert sum(grades.values()) == pytest.approx(1)
