"""Early stopping as it would be decided by someone who reads the curve line by line."""

import pytest

from moco.curve import Line, best, exhausted, written


def curve_of(*scores: float) -> list[Line]:
    return [{"epoch": epoch, "low_resolution": s + 0.05, "reframed": s - 0.05} for epoch, s in enumerate(scores)]


@pytest.mark.parametrize("patience", [1, 2, 3])
@pytest.mark.parametrize(
    "scores",
    [
        (0.9, 0.1, 0.2, 0.3, 0.2, 0.3, 0.1, 0.4, 0.1, 0.1, 0.1),
        (0.1, 0.5, 0.4, 0.3, 0.6, 0.2, 0.1, 0.0),
        (0.0, 0.1, 0.2, 0.3),
        (0.5, 0.5, 0.5, 0.5),
    ],
)
def test_training_ends_when_no_epoch_of_the_last_ones_was_better_than_all_before(
    scores: tuple[float, ...], patience: int
) -> None:
    record, record_epoch, waited = -1.0, 0, 0
    for done in range(1, len(scores)):  # the untrained network, epoch 0, sets no record
        curve = curve_of(*scores[: done + 1])
        waited += 1
        if scores[done] > record:
            record, record_epoch, waited = scores[done], done, 0
        assert best(curve)["epoch"] == record_epoch
        assert exhausted(curve, patience) == (waited >= patience)
        assert written(curve, patience)["epoch"] == record_epoch
        assert written(curve, None)["epoch"] == done


def test_without_patience_or_without_training_nothing_is_exhausted() -> None:
    assert not exhausted(curve_of(0.1, 0.9, 0.1, 0.1, 0.1, 0.1), None)
    assert not exhausted(curve_of(0.1), 1)
    assert not exhausted([], 1)
    assert best(curve_of(0.1))["epoch"] == 0
