"""Exact search against sorting all distances."""

import numpy as np
import pytest
from numpy.typing import NDArray

from neighbours.search import search, self_join


@pytest.mark.parametrize("k", [1, 5, 119])
def test_the_neighbours_are_those_of_a_full_sort_without_the_vector_itself(blobs: NDArray[np.float32], k: int) -> None:
    found = self_join(blobs, k)
    assert found.indices.shape == found.similarities.shape == (120, k)
    for i, vector in enumerate(blobs):
        distances = np.linalg.norm(blobs.astype(np.float64) - vector, axis=1)
        distances[i] = np.inf
        assert np.allclose(distances[found.indices[i]], np.sort(distances)[:k], atol=1e-5)
        assert np.allclose(np.sqrt(2 - 2 * found.similarities[i].astype(np.float64)), np.sort(distances)[:k], atol=1e-3)


def test_a_vector_is_never_its_own_neighbour_even_among_equals() -> None:
    same = np.tile(np.float32([0.6, 0.8]), (30, 1))
    found = self_join(same, 4)
    assert (found.indices != np.arange(30)[:, None]).all()
    assert all(len(set(row)) == 4 for row in found.indices.tolist())


def test_fewer_vectors_than_neighbours_give_fewer_neighbours() -> None:
    two = np.eye(2, dtype=np.float32)
    assert self_join(two, 16).indices.tolist() == [[1], [0]]
    assert search(two, np.float32([[0.6, 0.8]]), 16).indices.tolist() == [[1, 0]]
    assert self_join(two[:1], 16).indices.shape == (1, 0)
