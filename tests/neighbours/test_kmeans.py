"""k-means, silhouettes and matching against definitions by loops, brute force over permutations, and known blobs."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from neighbours.kmeans import Clustering, assign, best_k, count_distinct, kmeans, match_clusters, silhouettes


def test_it_finds_the_blobs_and_numbers_them_by_size(blobs: NDArray[np.float32]) -> None:
    found = kmeans(blobs, 4, restarts=5, seed=0)
    assert np.bincount(found.labels).tolist() == [50, 40, 20, 10]
    axis = blobs.argmax(axis=1)  # the blob that a vector was drawn from
    assert all(len(set(axis[found.labels == number])) == 1 for number in range(4))


def test_centroids_are_means_labels_are_nearest_and_inertia_is_the_sum_of_squares(blobs: NDArray[np.float32]) -> None:
    found = kmeans(blobs, 6, restarts=3, seed=1)
    inertia = 0.0
    for vector, label in zip(blobs, found.labels, strict=True):
        distances = [float(np.square(vector - centroid).sum()) for centroid in found.centroids]
        assert distances.index(min(distances)) == label
        inertia += min(distances)
    assert found.inertia == pytest.approx(inertia, rel=1e-4)
    for number, centroid in enumerate(found.centroids):
        assert np.allclose(centroid, blobs[found.labels == number].mean(axis=0), atol=1e-5)


def test_given_centroids_take_the_nearest_and_stay_as_they_are(blobs: NDArray[np.float32]) -> None:
    centroids = kmeans(blobs, 6, restarts=3, seed=1).centroids[::-1].copy()
    found = assign(blobs[:30] + np.float32(0.01), centroids)
    inertia = 0.0
    for vector, label in zip(blobs[:30] + np.float32(0.01), found.labels, strict=True):
        distances = [float(np.square(vector - centroid).sum()) for centroid in centroids]
        assert distances.index(min(distances)) == label
        inertia += min(distances)
    assert found.inertia == pytest.approx(inertia, rel=1e-4)
    assert np.array_equal(found.centroids, centroids)
    with pytest.raises(ValueError, match="use centroids of the same encoder"):
        assign(blobs, centroids[:, :-1])


def test_ties_of_size_are_broken_by_the_smallest_index() -> None:
    vectors = np.repeat(np.eye(3, dtype=np.float32)[[2, 0, 1]], 4, axis=0)
    assert kmeans(vectors, 3, restarts=2, seed=0).labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4


def test_the_same_seed_gives_the_same_bits(blobs: NDArray[np.float32]) -> None:
    one, again = (kmeans(blobs, 5, restarts=2, seed=3) for _ in range(2))
    assert np.array_equal(one.labels, again.labels)
    assert np.array_equal(one.centroids, again.centroids)


def test_more_clusters_than_distinct_vectors_are_refused() -> None:
    vectors = np.repeat(np.eye(3, dtype=np.float32), 5, axis=0)
    with pytest.raises(ValueError, match="k is 4, but there are only 3 distinct vectors among 15: choose a smaller k"):
        kmeans(vectors, 4, restarts=1, seed=0)


def test_the_silhouette_is_highest_at_the_true_number_and_equals_its_definition(blobs: NDArray[np.float32]) -> None:
    scores = silhouettes(blobs, [2, 3, 4, 5, 8], restarts=5, seed=0)
    assert max(scores, key=lambda k: scores[k]) == 4
    labels = kmeans(blobs, 4, restarts=5, seed=0).labels
    values = []
    for i, vector in enumerate(blobs):
        distances = np.linalg.norm(blobs - vector, axis=1)
        others = np.arange(len(blobs)) != i
        means = [distances[(labels == number) & others].mean() for number in range(4)]
        own, nearest = means[labels[i]], min(m for number, m in enumerate(means) if number != labels[i])
        values.append((nearest - own) / max(own, nearest))
    assert scores[4] == pytest.approx(np.mean(values), abs=1e-5)


def test_a_sample_estimates_the_silhouette_of_all(blobs: NDArray[np.float32]) -> None:
    sampled = silhouettes(blobs, [4], restarts=5, seed=0, sample=60)[4]
    assert sampled == pytest.approx(silhouettes(blobs, [4], restarts=5, seed=0)[4], abs=0.05)


def test_the_best_number_is_the_one_with_the_highest_silhouette_and_of_equals_the_smallest(
    blobs: NDArray[np.float32],
) -> None:
    assert best_k(silhouettes(blobs, [2, 3, 4, 5, 8], restarts=5, seed=0)) == 4
    assert best_k({8: 0.4, 5: 0.4, 2: 0.1}) == 5


@pytest.mark.parametrize(("enough", "distinct"), [(1, 1), (2, 2), (3, 3), (9, 3)])
def test_distinct_vectors_are_counted_until_there_are_enough(enough: int, distinct: int) -> None:
    vectors = np.repeat(np.eye(3, dtype=np.float32), [500, 500, 1], axis=0)
    found = count_distinct(vectors, enough)
    assert found == distinct or found >= enough
    assert count_distinct(vectors[:0], enough) == 0


def clustering(labels: list[int], k: int) -> Clustering:
    return Clustering(np.array(labels), np.arange(k, dtype=np.float32)[:, None], 0.0)


def test_clusters_keep_their_numbers_when_images_come_and_go() -> None:
    before = dict(zip("abcdefgh", [0, 0, 0, 1, 1, 2, 2, 2], strict=True))
    after = clustering([2, 2, 1, 0, 0, 1], 3)  # of a, b, d, f, g and a new image
    matched = match_clusters(after, ["a", "b", "d", "f", "g", "new"], before)
    assert matched.labels.tolist() == [0, 0, 1, 2, 2, 1]
    assert matched.centroids.ravel().tolist() == [2, 1, 0]


def test_without_shared_images_the_canonical_numbers_stay() -> None:
    found = clustering([0, 1, 2, 0], 3)
    assert match_clusters(found, list("abcd"), {"x": 0, "y": 2}).labels.tolist() == [0, 1, 2, 0]
    assert match_clusters(found, list("abcd"), {}).labels.tolist() == [0, 1, 2, 0]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=40))
def test_no_other_numbering_keeps_more_images(images: list[tuple[int, int]]) -> None:
    labels, reference = zip(*images, strict=True)
    ids = [str(i) for i in range(len(images))]
    matched = match_clusters(clustering(list(labels), 4), ids, dict(zip(ids, reference, strict=True)))
    kept = sum(int(label) == number for label, number in zip(matched.labels, reference, strict=True))
    assert kept == max(sum(p[label] == number for label, number in images) for p in permutations(range(4)))
    pairs = set(zip(labels, matched.labels.tolist(), strict=True))
    assert len(pairs) == len(set(labels)) == len({new for _, new in pairs})  # only the names changed


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
def test_vectors_that_differ_by_rounding_are_not_told_apart() -> None:
    vectors = np.repeat(np.eye(4, dtype=np.float32)[:2], 20, axis=0)
    vectors[:20, 0] -= np.arange(20, dtype=np.float32) * np.float32(2**-24)
    assert count_distinct(vectors, 8) >= 8
    with pytest.raises(ValueError, match=r"k is 8, but k-means tells only . clusters apart: choose a smaller k"):
        kmeans(vectors, 8, restarts=1, seed=0)
