"""Nearest neighbours of unit vectors, by FAISS: exact, or among very many vectors with a recall that is measured."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neighbours.index import build

EXACT_BELOW = 200_000  # vectors: a self join of as many takes about two minutes on two cores, and grows quadratically
RECALL = 0.99
FEW = 10_000  # queries: making the lists costs more than comparing as many with every vector
BLOCK = 16_384  # queries at a time


@dataclass(frozen=True)
class Neighbours:
    """The nearest vectors of each query, most similar first.

    Attributes:
        indices: rows of the vectors searched, int64 `[Q, k]`.
        similarities: cosines, float32 `[Q, k]`; Euclidean distance is `sqrt(2 - 2 cosine)`.
        recall: share of the true neighbours that were found, 0..1: 1 where the search was exact, else measured on a
            sample of the vectors searched.
    """

    indices: NDArray[np.int64]
    similarities: NDArray[np.float32]
    recall: float = 1.0


def search(
    vectors: NDArray[np.float32],
    queries: NDArray[np.float32],
    k: int,
    *,
    exact_below: int = EXACT_BELOW,
    recall: float = RECALL,
    seed: int = 0,
) -> Neighbours:
    """The k nearest of the vectors for each query.

    Args:
        vectors: unit vectors `[N, D]`.
        queries: unit vectors `[Q, D]`.
        k: neighbours wanted; fewer come back when there are fewer vectors.
        exact_below: as many vectors are searched by inverted lists, unless there are few queries.
        recall: least recall of these, 0..1.
        seed: of the lists and of the sample on which their recall is measured.
    """
    k = min(k, len(vectors))
    below = len(vectors) + 1 if len(queries) < min(FEW, exact_below) else exact_below
    index = build(vectors, max(k, 1), below, recall, seed)
    indices = np.empty((len(queries), k), np.int64)
    similarities = np.empty((len(queries), k), np.float32)
    for start in range(0, len(queries) if k else 0, BLOCK):
        rows = slice(start, start + BLOCK)
        similarities[rows], indices[rows] = index.search(np.ascontiguousarray(queries[rows], np.float32), k)
    return Neighbours(indices, similarities, index.recall)


def self_join(
    vectors: NDArray[np.float32],
    k: int,
    *,
    exact_below: int = EXACT_BELOW,
    recall: float = RECALL,
    seed: int = 0,
) -> Neighbours:
    """The k nearest other vectors of each vector; a vector is never its own neighbour.

    Beside the result it holds one block of queries at a time, and from `exact_below` the lists: a copy of the vectors.

    Args:
        vectors: unit vectors `[N, D]`.
        k: neighbours wanted; fewer come back when there are fewer vectors.
        exact_below: as many vectors are searched by inverted lists.
        recall: least recall of these, 0..1.
        seed: of the lists and of the sample on which their recall is measured.
    """
    n = len(vectors)
    k = min(k, max(n - 1, 0))
    index = build(vectors, k + 1, exact_below, recall, seed)
    indices = np.empty((n, k), np.int64)
    similarities = np.empty((n, k), np.float32)
    for start in range(0, n if k else 0, BLOCK):
        rows = np.arange(start, min(start + BLOCK, n))
        near, found = index.search(np.ascontiguousarray(vectors[rows], np.float32), k + 1)
        own = found == rows[:, None]
        own[~own.any(axis=1), -1] = True  # among many equal vectors a row may miss itself: drop the last instead
        indices[rows], similarities[rows] = found[~own].reshape(-1, k), near[~own].reshape(-1, k)
    return Neighbours(indices, similarities, index.recall)
