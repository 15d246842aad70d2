"""Benchmarks of copies and of real pairs: what counts as right, thresholds, and ranks, against loops."""

import numpy as np
import pytest

from benchmarks.dedup import Field, Pairs, at_best, sorted_pairs, top1
from benchmarks.hard_pairs import brand_of, lookalikes, redesigned
from benchmarks.pairs import ranks_of, result
from neighbours.calibration import RECOLOURED, Trial

LARGE, SMALL = np.zeros((40, 40, 3), np.uint8), np.zeros((20, 20, 3), np.uint8)


@pytest.fixture
def field() -> Field:
    trials = [
        Trial(0, "jpeg", LARGE), Trial(0, "resized", SMALL), Trial(0, RECOLOURED, LARGE), Trial(1, "jpeg", LARGE),
        Trial(2, "resized", LARGE),
    ]  # fmt: skip
    return Field(["a:acme", "b:acme", "a:other", "a:acme-background"], [LARGE] * 4, trials, {})


def test_a_pair_is_right_wrong_or_neither(field: Field) -> None:
    trial, logo = (side.ravel() for side in np.meshgrid(range(5), range(4), indexing="ij"))
    right, wrong = field.judge(trial, logo)
    told = {(int(t), int(g)): (bool(r), bool(w)) for t, g, r, w in zip(trial, logo, right, wrong, strict=True)}
    assert told[0, 0] == (True, False)
    assert told[1, 0] == (False, False)  # its own, but smaller than is asked for
    assert told[2, 0] == (False, True)  # recoloured
    assert told[0, 1] == told[0, 3] == (False, False)  # another drawing of the same brand
    assert told[0, 2] == told[2, 2] == told[4, 0] == (False, True)
    assert told[4, 2] == (True, False)


def test_brands_are_equal_but_for_variants_and_not_for_a_common_beginning() -> None:
    assert {brand_of(name) for name in ("a:acme", "b:acme-icon", "a:ac-me-2020", "c:acme-icon-background")} == {"acme"}
    assert brand_of("a:c") != brand_of("a:cadence")
    assert brand_of("a:icon") == "icon"


def test_drawings_of_one_brand_are_pairs_where_two_sets_have_them() -> None:
    first, second = redesigned(["a:acme", "b:acme-icon", "a:acme-icon", "b:other", "c:other"])
    assert set(zip(first.tolist(), second.tolist(), strict=True)) == {(0, 1), (1, 2), (3, 4)}


def test_the_most_alike_logos_of_different_brands_are_pairs_once() -> None:
    random = np.random.default_rng(0)
    logos = [random.integers(0, 256, (40, 40, 3), np.uint8) for _ in range(4)]
    nearly = logos[0].copy()
    nearly[:5, :5] = 0
    first, second = lookalikes(["a:one", "a:two", "a:three", "a:four", "a:five", "b:one"], [*logos, nearly, logos[0]])
    pairs = list(zip(first.tolist(), second.tolist(), strict=True))
    assert {tuple(sorted(pair)) for pair in pairs[:2]} == {(0, 4), (4, 5)}  # and not the two of one brand
    assert len({tuple(sorted(pair)) for pair in pairs}) == len(pairs)


def test_only_its_own_logo_is_a_hit_of_a_low_resolution_copy(field: Field) -> None:
    assert top1(field, np.array([0, 0, 0, 0, 2])) == 1  # of the two resized ones one is too small to count
    assert top1(field, np.array([0, 0, 0, 0, 3])) == 0


def test_the_best_threshold_is_that_of_a_loop_over_all(field: Field) -> None:
    random = np.random.default_rng(0)
    for _ in range(50):
        trial, logo = (side.ravel() for side in np.meshgrid(range(5), range(4), indexing="ij"))
        pairs = sorted_pairs(trial, logo, random.integers(0, 6, 20).astype(float))
        found = at_best("any", field, pairs, 1.0, 0.0, {})
        options = []
        for threshold in set(pairs.sureness.tolist()):
            kept = pairs.sureness >= threshold
            right, wrong = field.judge(pairs.trial[kept], pairs.logo[kept])
            precision = right.sum() / max(1, right.sum() + wrong.sum())
            recall = right.sum() / 3  # copies that are large enough
            f1 = 2 * precision * recall / max(1e-9, precision + recall)
            options.append((precision >= 0.99, recall if precision >= 0.99 else f1))
        chosen = (found.precision >= 0.99, found.recall)
        if chosen[0]:
            assert chosen == pytest.approx(max(options))
        else:
            f1 = 2 * found.precision * found.recall / max(1e-9, found.precision + found.recall)
            assert (False, f1) == pytest.approx(max(options))


def test_no_pairs_at_all_are_no_error(field: Field) -> None:
    nothing = np.empty(0, np.int64)
    assert [side.tolist() for side in field.judge(nothing, nothing)] == [[], []]
    assert isinstance(sorted_pairs(nothing, nothing, np.empty(0)), Pairs)


def test_ranks_are_counts_of_what_is_nearer_than_the_partner() -> None:
    random = np.random.default_rng(0)
    sides = [random.standard_normal((n, 8)).astype(np.float32) for n in (12, 9)]
    places = [[3, 0, 7], [8, 2, 1]]
    expected = [
        sum(
            sides[here][places[here][pair]] @ other
            > sides[here][places[here][pair]] @ sides[1 - here][places[1 - here][pair]]
            for other in sides[1 - here]
        )
        for here in (0, 1)
        for pair in range(3)
    ]
    ranks = np.concatenate(list(ranks_of(sides, places)))
    assert ranks.tolist() == expected
    line = result("any", ranks, np.zeros(6, np.int64))
    assert line.r1 == pytest.approx(np.mean([rank < 1 for rank in expected]))
    assert line.gain is not None
    assert line.gain[0] == pytest.approx(1 - line.r1)
    assert line.gain[1] <= line.gain[0] <= line.gain[2]
