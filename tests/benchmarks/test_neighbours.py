"""The benchmark's vectors are what it says they are, its fits are right, and each way runs in a process of its own."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.neighbours import COPIES, Measurement, growth, make_vectors, measure


def test_the_vectors_are_unit_with_copies_and_the_same_every_time() -> None:
    vectors = make_vectors(2000)
    assert vectors.shape == (2000, 128)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.array_equal(vectors, make_vectors(2000))
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1)
    copies = int(COPIES * 2000)
    assert (cosines[-copies:, :copies].diagonal() > 0.98).all()
    assert np.median(cosines[: 2000 - copies, : 2000 - copies].max(axis=1)) < 0.98


def test_the_exponent_of_a_power_law_is_found() -> None:
    results = [Measurement("candidates", n, 1.0, 3e-9 * n**1.7, 1.0, 1.0, "") for n in (1000, 5000, 80_000)]
    assert growth(results) == {"candidates": pytest.approx(1.7)}
    assert growth(results[:1]) == {}


def test_a_way_is_measured_in_a_process_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "vectors.npy"
    np.save(path, make_vectors(3000))
    result = measure("lists", path)
    assert (result.way, result.vectors) == ("lists", 3000)
    assert result.cpu_s > 0
    assert result.peak_mib > 50
    assert result.recall is not None
    assert 0.99 <= result.recall <= 1
    assert result.found.endswith("pairs")
