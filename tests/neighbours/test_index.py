"""Search by inverted lists against sorting all cosines: the recall that is told is the recall that there is."""

import numpy as np
import pytest
from numpy.typing import NDArray

from neighbours import index as indexes
from neighbours.index import Exact, Inverted, recall_at
from neighbours.search import Neighbours, search, self_join

Vectors = NDArray[np.float32]


@pytest.fixture(scope="module")
def crowd() -> Vectors:
    """Unit vectors `[4000, 16]` around 40 centres, the last 200 copies of the first."""
    random = np.random.default_rng(0)
    vectors = random.standard_normal((40, 16))[random.integers(0, 40, 4000)] + 0.4 * random.standard_normal((4000, 16))
    vectors[3800:] = vectors[:200] + 0.001 * random.standard_normal((200, 16))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def recall_by_sorting(vectors: Vectors, found: Neighbours) -> float:
    """Share of the k nearest other vectors that were found, row by row, by a full sort in double precision."""
    k = found.indices.shape[1]
    hits = 0
    for i, row in enumerate(found.indices.tolist()):
        cosines = vectors.astype(np.float64) @ vectors[i]
        cosines[i] = -2
        nearest = set(np.argsort(-cosines)[:k].tolist())
        hits += sum(j in nearest or cosines[j] >= min(cosines[list(nearest)]) - 1e-6 for j in row)
    return hits / found.indices.size


@pytest.mark.parametrize("target", [0.5, 0.9, 0.99, 1.0])
def test_lists_reach_the_recall_asked_for_and_tell_the_one_they_have(crowd: Vectors, target: float) -> None:
    found = self_join(crowd, 16, exact_below=0, recall=target, seed=1)
    assert found.recall >= target
    assert recall_by_sorting(crowd, found) == pytest.approx(found.recall, abs=0.02)


def test_more_recall_takes_more_probes(crowd: Vectors) -> None:
    few, many = (Inverted.of(crowd, 17, target, seed=0) for target in (0.5, 0.999))
    assert few.probes < many.probes
    assert few.recall < many.recall


def test_a_join_by_lists_finds_the_copies_and_never_the_vector_itself(crowd: Vectors) -> None:
    found = self_join(crowd, 8, exact_below=0)
    assert (found.indices != np.arange(4000)[:, None]).all()
    assert found.indices[3800:, 0].tolist() == list(range(200))
    assert all(len(set(row)) == 8 for row in found.indices.tolist())
    cosines = np.einsum("nd,nkd->nk", crowd, crowd[found.indices])
    assert np.allclose(found.similarities, cosines, atol=1e-5)
    assert (np.diff(found.similarities, axis=1) <= 0).all()


def test_rows_whose_lists_are_too_short_are_searched_exactly(crowd: Vectors) -> None:
    found = self_join(crowd, 300, exact_below=0, recall=0.0)  # a list holds about 40
    assert (found.indices >= 0).all()
    assert found.similarities.min() >= -1.001
    exact = self_join(crowd, 300)
    assert np.allclose(found.similarities[:, 299].min(), exact.similarities[:, 299].min(), atol=0.3)


def test_the_same_seed_gives_the_same_neighbours(crowd: Vectors) -> None:
    one, again = (self_join(crowd, 8, exact_below=0, recall=0.8, seed=5) for _ in range(2))
    assert np.array_equal(one.indices, again.indices)
    assert one.recall == again.recall


def test_blocks_change_nothing(crowd: Vectors, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = self_join(crowd, 8)
    monkeypatch.setattr("neighbours.search.BLOCK", 333)
    parts = self_join(crowd, 8)
    assert whole.recall == parts.recall == 1.0
    assert np.allclose(whole.similarities, parts.similarities, atol=1e-6)
    assert np.allclose(search(crowd, crowd[:700], 5).similarities, search(crowd, crowd[:700], 5).similarities)


def test_few_queries_are_compared_with_every_vector(crowd: Vectors) -> None:
    assert search(crowd, crowd[:3], 5, exact_below=1000, recall=0.0).recall == 1.0
    assert search(crowd, crowd[:3], 5, exact_below=0, recall=0.0).recall < 1.0


@pytest.mark.parametrize("n", [0, 1, 2, 39, 80])
def test_few_vectors_have_neighbours_whatever_is_asked(crowd: Vectors, n: int) -> None:
    found = self_join(crowd[:n], 16, exact_below=0)
    assert found.indices.shape == (n, min(16, max(n - 1, 0)))
    assert search(crowd[:n], crowd[:5], 16, exact_below=0).indices.shape == (5, min(16, n))


def test_recall_counts_equally_near_vectors_as_found() -> None:
    truth = np.float32([[1.0, 0.9, 0.8], [0.7, 0.7, 0.7]])
    found = np.float32([[1.0, 0.8, 0.1], [0.7, 0.7, 0.7]])
    assert recall_at(truth, found) == pytest.approx(5 / 6)
    assert recall_at(truth, truth) == 1.0


class Card:
    """What FAISS hands out on a GPU, as far as these modules use it: it notes that it was asked."""

    def __init__(self, inner: object) -> None:
        self.inner = inner
        self.searched = 0

    def add(self, vectors: Vectors) -> None:
        self.inner.add(vectors)  # type: ignore[attr-defined]

    def search(self, queries: Vectors, k: int) -> object:
        self.searched += 1
        return self.inner.search(queries, k)  # type: ignore[attr-defined]


def test_a_gpu_is_used_where_faiss_has_one(crowd: Vectors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexes.faiss, "get_num_gpus", lambda: 1, raising=False)
    monkeypatch.setattr(indexes.faiss, "index_cpu_to_all_gpus", lambda index, ngpu: Card(index), raising=False)
    on_card = Exact.of(crowd)
    similarities, _ = on_card.search(crowd[:50], 4)
    assert on_card.flat.searched == 1
    monkeypatch.undo()
    assert np.allclose(similarities, Exact.of(crowd).search(crowd[:50], 4)[0], atol=1e-6)


def test_a_build_of_faiss_that_knows_no_gpus_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(indexes.faiss, "get_num_gpus", raising=False)
    assert indexes.gpus() == 0
