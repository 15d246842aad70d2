"""The map: within the square, the same for the same seed, and neighbours in space are neighbours on the plane."""

import numpy as np
import pytest
from numpy.typing import NDArray

from neighbours.layout import SPACING, lay_out, push_apart


def test_neighbours_in_the_embedding_lie_together_on_the_plane(blobs: NDArray[np.float32]) -> None:
    plane = lay_out(blobs, seed=0)
    assert plane.shape == (120, 2)
    assert plane.min(axis=0).tolist() == [0, 0]
    assert plane.max(axis=0).tolist() == [1, 1]
    blob = blobs.argmax(axis=1)
    same = 0
    for i in range(120):
        distances = np.linalg.norm(plane - plane[i], axis=1)
        distances[i] = np.inf
        same += sum(blob[j] == blob[i] for j in np.argsort(distances)[:5])
    assert same / 600 > 0.95


def test_the_same_seed_gives_the_same_places(blobs: NDArray[np.float32]) -> None:
    assert np.array_equal(lay_out(blobs[:60], seed=1), lay_out(blobs[:60], seed=1))


@pytest.mark.parametrize("n", [0, 1, 4, 5, 7, 40])
def test_few_vectors_and_equal_ones_have_places_too(blobs: NDArray[np.float32], n: int) -> None:
    for vectors in (blobs[:n], np.repeat(blobs[:1], n, axis=0)):
        plane = lay_out(vectors, seed=0)
        assert plane.shape == (n, 2)
        assert np.isfinite(plane).all()
        assert ((plane >= 0) & (plane <= 1)).all()


def closest(plane: NDArray[np.float64]) -> float:
    distances = np.linalg.norm(plane[:, None] - plane[None], axis=2)
    return float((distances + 9 * np.eye(len(plane))).min())


def test_points_on_top_of_one_another_come_apart_and_the_others_hardly_move() -> None:
    grid = np.stack(np.meshgrid(np.linspace(0, 1, 8), np.linspace(0, 1, 8)), axis=2).reshape(-1, 2)
    crowded = np.concatenate([grid, grid[27:28], grid[27:28]])  # three copies of one logo
    found = push_apart(crowded)
    assert closest(found) > 0.8 * SPACING / np.sqrt(66)
    moved = np.linalg.norm(found - crowded, axis=1)
    far = np.linalg.norm(crowded - grid[27], axis=1) > 0.4
    assert moved[far].max() < 0.03
    assert np.abs(push_apart(grid) - grid).max() < 1e-5
