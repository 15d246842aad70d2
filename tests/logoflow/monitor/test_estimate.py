"""The time left follows from the last rate of progress."""

from datetime import UTC, datetime, timedelta

import pytest

from logoflow.monitor.estimate import seconds_left
from logoflow.store.ledger import Event, Kind

BEGIN = datetime(2025, 3, 1, tzinfo=UTC)


def progress(*told: tuple[float, float], what: str = "images", total: float = 100) -> list[Event]:
    """Progress as (seconds since the beginning, done); newest first, as the ledger gives it."""
    events = [
        Event("run", "demo", Kind.PROGRESS, "embed", {"done": done, "total": total, "what": what}, BEGIN + second(at))
        for at, done in told
    ]
    return events[::-1]


def second(count: float) -> timedelta:
    return timedelta(seconds=count)


def test_a_resumed_stage_is_judged_by_what_it_did_and_not_by_what_it_found() -> None:
    assert seconds_left(progress((0, 60), (10, 70)), BEGIN + second(10), 10, None) == pytest.approx(30)


def test_time_since_the_last_word_counts_and_never_below_zero() -> None:
    told = progress((0, 0), (10, 50))
    assert seconds_left(told, BEGIN + second(14), 14, None) == pytest.approx(6)
    assert seconds_left(told, BEGIN + second(99), 99, None) == 0


def test_only_what_is_counted_now_makes_the_rate() -> None:
    told = progress((20, 0), (30, 10)) + progress((0, 0), (10, 100), what="epochs")
    assert seconds_left(told, BEGIN + second(30), 30, None) == pytest.approx(90)


@pytest.mark.parametrize("told", [[], progress((5, 3)), progress((5, 3), (9, 3))], ids=["none", "one", "no gain"])
def test_without_a_rate_it_is_what_is_left_of_last_time(told: list[Event]) -> None:
    assert seconds_left(told, BEGIN + second(10), 10, 25.0) == 15
    assert seconds_left(told, BEGIN + second(10), 10, 5.0) == 0
    assert seconds_left(told, BEGIN + second(10), 10, None) is None
