"""Descriptions of clusters against scikit-learn, loops over the definitions, and counts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import silhouette_samples

from neighbours import describe
from neighbours.describe import balanced_sample, centrality, cluster_silhouettes, mean_by_cluster
from neighbours.kmeans import kmeans


def test_centrality_is_the_cosine_with_the_cluster_s_mean(blobs: NDArray[np.float32]) -> None:
    labels = kmeans(blobs, 4, restarts=2, seed=0).labels
    found = centrality(blobs, labels, 4)
    for i, vector in enumerate(blobs):
        mean = np.mean([v for v, label in zip(blobs, labels, strict=True) if label == labels[i]], axis=0)
        assert found[i] == pytest.approx(vector @ mean / np.linalg.norm(vector) / np.linalg.norm(mean), abs=1e-5)


def test_vectors_that_cancel_out_have_no_direction() -> None:
    opposed = np.float32([[1, 0], [-1, 0], [0, 1]])
    assert centrality(opposed, np.array([0, 0, 1]), 2).tolist() == [0, 0, 1]


def test_means_of_clusters_leave_out_the_empty_one() -> None:
    means = mean_by_cluster(np.array([1.0, 2.0, 6.0]), np.array([0, 0, 2]), 3)
    assert means[[0, 2]].tolist() == [1.5, 6]
    assert np.isnan(means[1])


def test_the_silhouette_of_each_cluster_is_the_mean_of_its_members(
    blobs: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(describe, "BLOCK", 31)
    labels = kmeans(blobs, 6, restarts=2, seed=0).labels
    values = silhouette_samples(blobs.astype(np.float64), labels)
    expected = [values[labels == number].mean() for number in range(6)]
    assert cluster_silhouettes(blobs, labels, 6, seed=0) == pytest.approx(expected, abs=1e-4)


def test_a_sample_of_each_cluster_estimates_its_silhouette(blobs: NDArray[np.float32]) -> None:
    labels = kmeans(blobs, 4, restarts=2, seed=0).labels
    whole = cluster_silhouettes(blobs, labels, 4, seed=0)
    assert cluster_silhouettes(blobs, labels, 4, seed=0, sample=8) == pytest.approx(whole, abs=0.06)


def test_a_cluster_of_one_has_silhouette_zero_and_an_empty_one_none() -> None:
    values = cluster_silhouettes(np.eye(3, dtype=np.float32), np.array([0, 0, 2]), 3, seed=0)
    assert values[2] == 0
    assert np.isnan(values[1])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=80), st.integers(0, 90), st.integers(0, 3))
def test_a_balanced_sample_holds_every_cluster_when_it_can(labels: list[int], count: int, seed: int) -> None:
    found = balanced_sample(np.array(labels), count, seed)
    assert len(found) == len(set(found.tolist())) == min(count, len(labels))
    assert found.tolist() == sorted(found.tolist())
    if count >= len(set(labels)):
        assert {labels[row] for row in found} == set(labels)
    assert np.array_equal(found, balanced_sample(np.array(labels), count, seed))


def test_shares_of_a_balanced_sample_follow_the_roots_of_the_sizes() -> None:
    labels = np.repeat([0, 1], [9000, 1000])
    assert np.bincount(labels[balanced_sample(labels, 400, seed=0)]).tolist() == pytest.approx([300, 100], abs=2)
    assert np.bincount(labels[balanced_sample(labels, 400, seed=0, most=50)]).tolist() == [50, 50]
