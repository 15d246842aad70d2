"""Retrieval, uniformity and the choice of the monitor's images against loops."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from moco.monitor import Monitor, retrieval, uniformity
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
