"""Thresholds from made copies: they find what they were chosen to find, and keep the precision where it can be kept."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from neighbours.calibration import RECOLOURED, SCALES, Calibration, Step, Trial, calibrate, make_trials
from neighbours.comparison import Tolerance
from neighbours.copies import KINDS
from neighbours.described import Described

LOGOS = 24


def embedded(rows: Sequence[int], noise: float, seed: int) -> NDArray[np.float32]:
    """An embedding that places each trial near its logo, at a random distance."""
    random = np.random.default_rng(seed)
    vectors = np.eye(LOGOS)[list(rows)] + noise * random.standard_normal((len(rows), LOGOS))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def described(thumbnails: Callable) -> Callable[..., Described]:
    def describe(pictures: Sequence[Image.Image], vectors: NDArray[np.float32]) -> Described:
        return Described(vectors, *thumbnails(list(pictures)))

    return describe


@pytest.fixture
def trials(mark: Callable) -> list[Trial]:
    return make_trials([np.asarray(mark(seed)) for seed in range(LOGOS)], range(LOGOS), seed=0)


@pytest.fixture
def calibration(mark: Callable, described: Callable, trials: list[Trial]) -> Calibration:
    logos = described([mark(seed) for seed in range(LOGOS)], embedded(range(LOGOS), 0, 0))
    made = described([Image.fromarray(t.pixels) for t in trials], embedded([t.row for t in trials], 0.05, 1))
    return calibrate(logos, trials, made, neighbours=8, precision=0.99)


def test_every_logo_has_a_copy_of_each_kind_and_one_recoloured(trials: list[Trial]) -> None:
    kinds = [(trial.row, trial.kind) for trial in trials]
    assert len(set(kinds)) == len(kinds)
    assert set(kinds) >= {(row, kind) for row in range(LOGOS) for kind in KINDS}
    assert sum(kind == RECOLOURED for _, kind in kinds) > LOGOS / 2


def test_trials_of_a_logo_do_not_depend_on_the_others(mark: Callable, trials: list[Trial]) -> None:
    alone = make_trials([np.asarray(mark(5))], [5], seed=0)
    for one, other in zip(alone, [trial for trial in trials if trial.row == 5], strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)


def test_copies_of_plain_marks_are_found_and_recoloured_ones_are_not(calibration: Calibration) -> None:
    assert calibration.expected.recall >= 0.97
    assert calibration.expected.precision >= 0.99
    assert set(calibration.found) == {*KINDS, RECOLOURED}
    assert calibration.found[RECOLOURED] < 0.1
    assert calibration.found["resized"] >= 0.95


def test_nearly_all_copies_reach_the_similarity(trials: list[Trial], calibration: Calibration) -> None:
    rows = [trial.row for trial in trials]
    cosines = embedded(rows, 0.05, 1)[np.arange(len(rows)), rows]
    wanted = np.array([trial.counts for trial in trials])
    assert (cosines[wanted] >= calibration.similarity).mean() == pytest.approx(0.998, abs=0.01)


def test_looser_tolerances_find_no_less(calibration: Calibration) -> None:
    assert tuple(step.scale for step in calibration.steps) == SCALES
    recalls = [step.recall for step in calibration.steps]
    assert recalls == sorted(recalls)
    loosest = max(step.scale for step in calibration.steps if step.precision >= 0.99)
    assert calibration.expected.scale == loosest
    assert calibration.tolerance == Tolerance().scaled(loosest)


def test_what_was_decided_wrongly_is_named(trials: list[Trial], calibration: Calibration) -> None:
    missed = [trials[n] for n in calibration.missed]
    wanted = sum(trial.counts for trial in trials)
    copies = sum(trial.counts for trial in missed)
    counts = [sum(trial.counts and trial.row % 2 == side for trial in trials) for side in (0, 1)]
    chosen = next(step for step in calibration.steps if step.scale == calibration.expected.scale)
    found = chosen.recall * counts[0] + calibration.expected.recall * counts[1]
    assert found == pytest.approx(wanted - copies)


def test_what_is_expected_is_measured_on_logos_that_chose_nothing(mark: Callable, described: Callable) -> None:
    """Copies of every other logo are damaged: whoever chose by the rest did not see it coming."""
    logos = described([mark(seed) for seed in range(LOGOS)], embedded(range(LOGOS), 0, 0))
    trials = [Trial(row, "jpeg", np.asarray(mark(row if row % 2 == 0 else row + 100))) for row in range(LOGOS)]
    made = described([Image.fromarray(t.pixels) for t in trials], embedded([t.row for t in trials], 0.05, 1))
    found = calibrate(logos, trials, made, neighbours=8, precision=0.99)
    assert found.held_out == LOGOS // 2
    assert min(step.recall for step in found.steps) >= 11 / 12  # the cosine lets one of few go
    assert found.expected.recall == 0
    assert found.found["jpeg"] <= 0.5


def test_what_is_expected_is_that_of_a_similarity_that_was_given(
    mark: Callable, described: Callable, trials: list[Trial], calibration: Calibration
) -> None:
    logos = described([mark(seed) for seed in range(LOGOS)], embedded(range(LOGOS), 0, 0))
    made = described([Image.fromarray(t.pixels) for t in trials], embedded([t.row for t in trials], 0.05, 1))
    found = calibrate(logos, trials, made, neighbours=8, precision=0.99, similarity=0.98)
    assert found.similarity == 0.98
    cosines = (made.vectors * logos.vectors[[t.row for t in trials]]).sum(axis=1)
    reach = [cosine >= 0.98 for cosine, trial in zip(cosines, trials, strict=True) if trial.counts and trial.row % 2]
    assert 0.1 < found.expected.recall <= np.mean(reach) < calibration.expected.recall


def test_pairs_of_logos_that_pass_for_copies_themselves_are_counted_apart(mark: Callable, described: Callable) -> None:
    """Logos 0 and 1 are one picture, and so are 2 and 3: each copy is found under both."""
    logos = described([mark(row // 2) for row in range(4)], embedded([0, 0, 2, 2], 0, 0))
    trials = [Trial(row, "jpeg", np.asarray(mark(row // 2))) for row in range(4)]
    found = calibrate(logos, trials, logos, neighbours=4, precision=0.99).expected
    assert (found.right, found.wrong, found.doubtful, found.trials) == (2, 0, 2, 2)
    assert (found.precision, found.least_precision) == (1, 0.5)


def test_the_rarer_copies_are_the_less_of_what_is_found_is_right() -> None:
    step = Step(1.0, recall=0.9, right=630, wrong=8, doubtful=0, trials=800)
    assert step.precision == 630 / 638
    for share in (0.5, 0.05):
        pictures = 1_000_000
        right, wrong = pictures * share * 0.9, pictures * 8 / 800
        assert step.precision_among(share) == pytest.approx(right / (right + wrong))


def test_the_strictest_tolerance_is_taken_where_none_is_precise_enough(mark: Callable, described: Callable) -> None:
    """A logo stands in the collection twice under vectors that tell nothing, and its recoloured twin is a trial."""
    picture = np.asarray(mark(0))
    logos = described([mark(0), mark(1)], np.float32([[1, 0], [0, 1]]))
    trials = [Trial(0, RECOLOURED, picture), Trial(0, "jpeg", picture)]  # taken for a copy at every tolerance
    made = described([mark(0), mark(0)], np.float32([[1, 0], [1, 0]]))
    found = calibrate(logos, trials, made, neighbours=2, precision=0.99)
    assert found.expected.scale == SCALES[0]
    assert found.expected.precision == 0.5
    assert found.missed == (0,)


def test_icons_smaller_than_any_copy_that_counts_are_calibrated_by_all_their_copies(
    mark: Callable, described: Callable
) -> None:
    icons = [mark(seed).resize((20, 15), Image.Resampling.BOX) for seed in range(LOGOS)]
    trials = make_trials([np.asarray(icon) for icon in icons], range(LOGOS), seed=0)
    assert not any(trial.counts for trial in trials)
    made = described([Image.fromarray(t.pixels) for t in trials], embedded([t.row for t in trials], 0.05, 1))
    found = calibrate(described(icons, embedded(range(LOGOS), 0, 0)), trials, made, neighbours=8, precision=0.9)
    assert found.similarity > 0.5
    assert found.expected.recall > 0.5
    assert set(found.found) == {*KINDS, RECOLOURED}


def test_a_scaled_tolerance_admits_so_many_times_as_much() -> None:
    usual, loose = Tolerance(), Tolerance().scaled(1.2)
    assert (loose.colour, loose.edges) == pytest.approx((1.2 * usual.colour, 1.2 * usual.edges))
    assert 1 - loose.overlap == pytest.approx(1.2 * (1 - usual.overlap))
    assert loose.gist == usual.gist
