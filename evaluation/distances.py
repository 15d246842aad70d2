"""Euclidean distances between two sets of features, block by block, so that memory stays bounded.

At 50,000 x 1280 a block of 256 rows takes 100 MB beside the 0.5 GB of the columns in float64. Float32 would not do:
distances between near copies are differences of large squares, and lose all their digits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.floating[Any]]
Vector = NDArray[np.float64]

ROWS = 256  # of a block


def distance_blocks(rows: Features, columns: Features) -> Iterator[tuple[slice, Vector]]:
    """Yield distances from each row to every column, a block of rows at a time.

    Args:
        rows: `[N, D]`.
        columns: `[M, D]`.

    Yields:
        The rows' slice and their distances `[at most 256, M]`, which the caller may overwrite.

    Raises:
        ValueError: the sets are empty, not two-dimensional, or of different dimensions.
    """
    check(rows, columns)
    targets = columns.astype(np.float64)
    target_squares = np.einsum("ij,ij->i", targets, targets)
    for start in range(0, len(rows), ROWS):
        block = rows[start : start + ROWS].astype(np.float64)
        squares = block @ targets.T
        squares *= -2
        squares += target_squares
        squares += np.einsum("ij,ij->i", block, block)[:, None]
        yield slice(start, start + len(block)), np.sqrt(np.maximum(squares, 0, out=squares), out=squares)


def radii(features: Features, k: int) -> Vector:
    """Distance from each feature to its k-th nearest other one, `[N]`.

    Raises:
        ValueError: there are not more than k features.
    """
    if not 1 <= k < len(features):
        raise ValueError(
            f"The {k}-th neighbour among {len(features)} images does not exist: give more images, or a smaller k."
        )
    result = np.empty(len(features))
    for rows, distances in distance_blocks(features, features):
        distances[np.arange(len(distances)), np.arange(rows.start, rows.stop)] = np.inf  # not its own neighbour
        result[rows] = np.partition(distances, k - 1, axis=1)[:, k - 1]
    return result


def check(a: Features, b: Features) -> None:
    """Refuse sets of features that cannot be compared."""
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(f"Features of shapes {a.shape} and {b.shape} cannot be compared: take both from one network.")
    if len(a) == 0 or len(b) == 0:
        raise ValueError("There are no images to compare: give at least one on each side.")
