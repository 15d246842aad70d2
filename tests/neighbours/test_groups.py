"""Groups without chains, however many pictures a component has."""

import time

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from neighbours.groups import Verdicts, group
from neighbours.originals import Original

Pair = tuple[int, int]


def original(mark: int) -> Original:
    return Original(mark, mark, 1.0, "PNG", 1.0, 0)


def known(n: int, same: set[Pair], asked: set[Pair] | None = None) -> Verdicts:
    """Verdicts by a list of what is the same, of which some pairs were asked already."""

    def look(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.bool_]:
        assert (first < second).all()
        return np.array([pair in same for pair in zip(first.tolist(), second.tolist(), strict=True)], bool)

    verdicts = Verdicts(n, look)
    first, second = np.array(sorted(same if asked is None else asked), np.int64).reshape(-1, 2).T
    verdicts.ask(first, second)
    return verdicts


def test_chains_are_broken() -> None:
    """1 and 2 resemble 0; 3 resembles only 2: it must not go with them."""
    groups = group(known(4, {(0, 1), (0, 2), (2, 3)}), [original(side) for side in (300, 200, 100, 50)])
    assert [(g.kept, g.dropped) for g in groups] == [(0, (1, 2))]
    groups = group(known(4, {(0, 1), (1, 2), (2, 3)}), [original(side) for side in (300, 200, 100, 50)])
    assert [(g.kept, g.dropped) for g in groups] == [(0, (1,)), (2, (3,))]


def test_pairs_that_were_not_verified_make_no_groups() -> None:
    assert group(known(3, set(), {(0, 1), (1, 2)}), [original(100)] * 3) == []
    assert group(known(0, set()), []) == []


def test_the_one_that_stays_is_compared_with_all_that_hang_together() -> None:
    """Neighbour lists knew only a chain of 60 copies; each is the same as each."""
    every = {(a, b) for b in range(60) for a in range(b)}
    verdicts = known(60, every, {(n, n + 1) for n in range(59)})
    (found,) = group(verdicts, [original(100 + n) for n in range(60)])
    assert (found.kept, found.dropped) == (59, tuple(range(59)))
    assert len(verdicts) == 59 + 58  # and no pair was looked at twice


def test_each_pair_is_looked_at_once() -> None:
    looked: list[Pair] = []

    def look(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.bool_]:
        looked.extend(zip(first.tolist(), second.tolist(), strict=True))
        return first % 2 == 0

    verdicts = Verdicts(5, look)
    assert verdicts.ask(np.array([3, 0, 1]), np.array([1, 2, 3])).tolist() == [False, True, False]
    assert verdicts.ask(np.array([2, 2]), np.array([0, 4])).tolist() == [True, True]
    assert sorted(looked) == [(0, 2), (1, 3), (2, 4)]
    assert [rows.tolist() for rows in verdicts.components()] == [[0, 2, 4]]


@settings(max_examples=100, deadline=None)
@given(
    st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda p: p[0] < p[1])),
    st.lists(st.integers(1, 5), min_size=10, max_size=10),
)
def test_whoever_goes_was_verified_against_the_one_that_stays(pairs: set[Pair], sides: list[int]) -> None:
    originals = [original(100 * side) for side in sides]
    groups = group(known(10, pairs), originals)
    gone = [row for g in groups for row in g.dropped]
    kept = [g.kept for g in groups]
    assert len(gone) == len(set(gone))
    assert not set(gone) & set(kept)
    assert kept == sorted(set(kept))
    for g in groups:
        assert all((min(g.kept, row), max(g.kept, row)) in pairs for row in g.dropped)
        assert all(originals[row].mark <= originals[g.kept].mark for row in g.dropped)
    left = set(range(10)) - set(gone)
    assert not any(a in left and b in left for a, b in pairs)  # no verified pair is left


def test_many_equal_copies_take_time_in_proportion() -> None:
    def seconds(n: int) -> float:
        verdicts = Verdicts(n, lambda first, second: np.ones(len(first), bool))
        verdicts.ask(np.arange(n - 1), np.arange(1, n))
        start = time.process_time()
        (found,) = group(verdicts, [original(100)] * n)
        assert len(found.dropped) == n - 1
        return time.process_time() - start

    seconds(100)  # loads what is loaded late
    assert seconds(20_000) < 20 * max(0.02, seconds(2000))  # quadratic would be a hundred times
