"""Retrieval, uniformity and the choice of the monitor's images against loops."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from moco.monitor import Monitor, knn_accuracy, retrieval, uniformity
from moco.settings import EncoderSettings


def unit(n: int, d: int, seed: int) -> NDArray[np.float32]:
    x = np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def test_retrieval_counts_the_copies_whose_nearest_original_is_their_own() -> None:
    originals, noise = unit(50, 4, 0), unit(50, 4, 1)
    copies = originals + 0.5 * noise
    hits = 0
    for i, copy in enumerate(copies):
        distances = [float(np.square(copy / np.linalg.norm(copy) - original).sum()) for original in originals]
        hits += distances.index(min(distances)) == i
    assert 0 < hits < 50
    assert retrieval(copies, originals) == hits / 50


def test_uniformity_equals_the_mean_over_all_pairs() -> None:
    x = unit(20, 3, 0)
    terms = [math.exp(-2 * float(np.square(x[i] - x[j]).sum())) for i in range(20) for j in range(i)]
    assert uniformity(x) == pytest.approx(math.log(sum(terms) / len(terms)), rel=1e-5)
    assert uniformity(np.repeat(x[:1], 5, axis=0)) == pytest.approx(0, abs=1e-5)
    assert uniformity(x[:1]) is None


@pytest.mark.parametrize(("k", "temperature"), [(1, 0.1), (5, 0.1), (5, 1.0), (200, 0.1)])
def test_knn_accuracy_equals_the_vote_counted_by_hand(k: int, temperature: float) -> None:
    labels = np.random.default_rng(2).integers(-1, 3, 60)
    vectors = unit(3, 6, 0)[labels] + unit(60, 6, 1) * 0.9
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    right = counted = 0
    for i in range(60):
        if labels[i] == -1:
            continue
        others = [(float(vectors[i] @ vectors[j]), int(labels[j])) for j in range(60) if j != i and labels[j] != -1]
        votes = {0: 0.0, 1: 0.0, 2: 0.0}
        for similarity, label in sorted(others, reverse=True)[:k]:
            votes[label] += math.exp(similarity / temperature)
        right += max(votes, key=lambda label: votes[label]) == labels[i]
        counted += 1
    assert 0 < right < counted < 60
    assert knn_accuracy(vectors, labels, k, temperature) == pytest.approx(right / counted)


def test_knn_accuracy_needs_two_labels_and_knows_perfect_and_hopeless_classes() -> None:
    vectors = np.repeat(np.eye(4, dtype=np.float32), 5, axis=0)
    assert knn_accuracy(vectors, np.repeat([7, 3, 9, 0], 5), k=4) == 1
    assert knn_accuracy(vectors, np.arange(20), k=4) == 0
    assert knn_accuracy(vectors, np.full(20, -1)) is None
    assert knn_accuracy(vectors, np.where(np.arange(20) == 3, 1, -1)) is None


def test_the_monitors_labels_are_those_of_its_images(images: NDArray[np.uint8], settings: EncoderSettings) -> None:
    labels = images.sum(axis=(1, 2, 3), dtype=np.int64) % 1000
    few = EncoderSettings.model_validate(settings.model_dump() | {"monitor": 20})
    monitor = Monitor(images, few, seed=0, labels=labels)
    assert monitor.labels is not None
    assert np.array_equal(monitor.labels, monitor.originals.sum(axis=(1, 2, 3), dtype=np.int64) % 1000)
    assert np.array_equal(monitor.originals, Monitor(images, few, seed=0).originals)


def test_copies_of_one_another_are_represented_once(images: NDArray[np.uint8], settings: EncoderSettings) -> None:
    twice = np.concatenate([images, images])
    monitor = Monitor(twice, settings, seed=0)
    assert len(monitor.originals) == len(Monitor(images, settings, seed=0).originals) <= 64
    assert len(np.unique(monitor.originals.reshape(len(monitor.originals), -1), axis=0)) == len(monitor.originals)


def test_the_monitor_is_the_same_for_the_same_seed_and_holds_no_more_than_asked(
    images: NDArray[np.uint8], settings: EncoderSettings
) -> None:
    few = EncoderSettings.model_validate(settings.model_dump() | {"monitor": 10})
    one, again, other = (Monitor(images, few, seed) for seed in (0, 0, 1))
    assert len(one.originals) <= 10
    assert np.array_equal(one.low_resolution, again.low_resolution)
    assert np.array_equal(one.reframed, again.reframed)
    assert not np.array_equal(one.originals, other.originals)
    low, reframed = one.pixels()
    assert 0 <= reframed <= low <= 1
