"""Copies are told from new images, and the distances are those of a k-d tree."""

import numpy as np
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from scipy.spatial import KDTree

from evaluation.distances import distance_blocks
from evaluation.originality import nearest_training, originality


def test_nearest_training_images_are_those_of_a_tree_across_blocks() -> None:
    queries = np.random.default_rng(0).normal(size=(700, 4))  # three blocks
    training = np.random.default_rng(1).normal(size=(300, 4))
    distances, indices = nearest_training(queries, training)
    expected_distances, expected_indices = KDTree(training).query(queries)
    assert_allclose(distances, expected_distances, rtol=1e-9)
    assert (indices == expected_indices).all()


def test_new_images_are_as_near_as_held_out_ones_and_copies_are_nearer() -> None:
    rng = np.random.default_rng(0)
    training, held_out, new = rng.normal(size=(3, 400, 5)).astype(np.float32)
    copies = training + 0.001
    fresh, copied = originality(new, training, held_out), originality(copies, training, held_out)
    assert_allclose(fresh.closer, 0.5, atol=0.05)
    assert abs(fresh.z) < 3
    assert fresh.copies < 0.03
    assert copied.closer > 0.99
    assert copied.z < -20
    assert copied.copies > 0.99
    assert (copied.nearest == np.arange(400)).all()


def test_the_chance_of_being_closer_equals_a_count_of_all_pairs(
    real: NDArray[np.float64], fake: NDArray[np.float64]
) -> None:
    result = originality(fake, real[:50], real[50:])
    pairs = result.distances[:, None] - result.real_distances[None, :]
    assert_allclose(result.closer, ((pairs < 0) + 0.5 * (pairs == 0)).mean())


def test_without_held_out_images_training_images_are_compared_with_their_nearest_others() -> None:
    training, new = np.random.default_rng(0).normal(size=(2, 400, 5))
    result = originality(new, training)
    assert_allclose(result.real_distances, KDTree(training).query(training, k=2)[0][:, 1], rtol=1e-9)
    assert_allclose(result.closer, 0.5, atol=0.05)
    assert originality(training + 0.001, training).copies > 0.99


def test_a_copy_far_from_the_origin_is_at_distance_zero_not_at_rounding_error() -> None:
    features = (1000 + np.random.default_rng(0).normal(size=(5, 1280))).astype(np.float32)
    (_, distances), *_ = distance_blocks(features, features)
    assert np.diag(distances).max() < 0.01  # in float32 the squares alone, 1.3e9, would leave about 10
    assert_allclose(distances[0, 1], np.linalg.norm(features[0].astype(float) - features[1].astype(float)), rtol=1e-7)
