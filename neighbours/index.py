"""Indexes of unit vectors: exact, and with inverted lists whose recall is measured on the vectors themselves."""

import math
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import faiss
import numpy as np
from numpy.typing import NDArray

Similarities: TypeAlias = NDArray[np.float32]
Rows: TypeAlias = NDArray[np.int64]

SAMPLE = 1000
ROUNDING = 1e-6  # an inner product of unit vectors differs by this much with the order of its sum
LEAST = 39  # vectors per list that FAISS asks for
TRAINED_ON = 64  # vectors per list that the lists' centres are fitted to; FAISS's own 256 take four times as long


class Index(Protocol):
    """What finds the nearest of the vectors that it was made from."""

    @property
    def recall(self) -> float:
        """Share of the true neighbours that it finds, 0..1, measured."""

    def search(self, queries: NDArray[np.float32], k: int) -> tuple[Similarities, Rows]:
        """Cosines and rows of the k nearest vectors of each query, both `[Q, k]`, most similar first."""


@dataclass(frozen=True)
class Exact:
    """Compares each query with every vector.

    Attributes:
        vectors: unit vectors `[N, D]`; they are not copied, but on a GPU.
        flat: FAISS's index that holds them on a GPU, or None.
    """

    vectors: NDArray[np.float32]
    flat: Any = None
    recall: float = 1.0

    @classmethod
    def of(cls, vectors: NDArray[np.float32]) -> "Exact":
        """On a GPU where FAISS has one."""
        flat = None
        if gpus():
            flat = faiss.index_cpu_to_all_gpus(faiss.IndexFlatIP(vectors.shape[1]), ngpu=1)
            flat.add(vectors)
        return cls(vectors, flat)

    def search(self, queries: NDArray[np.float32], k: int) -> tuple[Similarities, Rows]:
        """See `Index.search`; k is at most N."""
        if self.flat is not None:
            similarities, rows = self.flat.search(queries, k)
        else:
            similarities, rows = faiss.knn(queries, self.vectors, k, metric=faiss.METRIC_INNER_PRODUCT)
        return similarities, rows


@dataclass(frozen=True)
class Inverted:
    """Compares each query with the vectors of the lists whose centres are nearest to it (Sivic & Zisserman 2003).

    Attributes:
        exact: searches for the few queries whose lists hold fewer than k vectors.
        lists: FAISS's index.
        probes: lists that are looked through for each query.
        recall: as `recall_at` measured it.
    """

    exact: Exact
    lists: Any
    probes: int
    recall: float

    @classmethod
    def of(cls, vectors: NDArray[np.float32], k: int, target: float, seed: int) -> "Inverted":
        """Fill the lists, then double the probes until a sample of the vectors finds its neighbours.

        Args:
            vectors: unit vectors `[N, D]`, at least `LEAST` of them.
            k: neighbours for which the recall is measured.
            target: recall wanted, 0..1; with all lists probed any is reached.
            seed: of the lists' centres and of the sample.
        """
        n, width = vectors.shape
        count = min(round(4 * math.sqrt(n)), n // LEAST)
        lists: Any = faiss.IndexIVFFlat(faiss.IndexFlatIP(width), width, count, faiss.METRIC_INNER_PRODUCT)
        lists.cp.seed = seed % 2**31
        lists.cp.max_points_per_centroid = TRAINED_ON
        if gpus():
            lists = faiss.index_cpu_to_all_gpus(lists, ngpu=1)
        lists.train(vectors)
        lists.add(vectors)

        exact = Exact(vectors)
        queries = vectors[np.sort(np.random.default_rng(seed).permutation(n)[:SAMPLE])]
        truth, _ = exact.search(queries, k)
        probes, recall = 0, -1.0
        while recall < target and probes < count:
            probes = min(max(1, 2 * probes), count)
            lists.nprobe = probes
            recall = recall_at(truth, lists.search(queries, k)[0])
        return cls(exact, lists, probes, recall)

    def search(self, queries: NDArray[np.float32], k: int) -> tuple[Similarities, Rows]:
        """See `Index.search`; k is at most N."""
        similarities, rows = self.lists.search(queries, k)
        short = (rows < 0).any(axis=1)
        if short.any():
            similarities[short], rows[short] = self.exact.search(queries[short], k)
        return similarities, rows


def build(vectors: NDArray[np.float32], k: int, exact_below: int, target: float, seed: int) -> Index:
    """An exact index of fewer vectors than `exact_below`, else one with inverted lists; see `Inverted.of`."""
    contiguous = np.ascontiguousarray(vectors, np.float32)
    return Exact.of(contiguous) if len(vectors) < max(exact_below, LEAST) else Inverted.of(contiguous, k, target, seed)


def recall_at(truth: Similarities, found: Similarities) -> float:
    """Share of the k nearest that were found, 0..1.

    Rows are not compared but cosines: of vectors equally near, any will do.

    Args:
        truth: cosines of the k nearest `[Q, k]`, descending.
        found: cosines of what an index found `[Q, k]`, descending.
    """
    return float((found >= truth[:, -1:] - ROUNDING).mean())


def gpus() -> int:
    """How many GPUs FAISS can use; its builds for CPUs lack the question in some versions."""
    return int(getattr(faiss, "get_num_gpus", int)())
