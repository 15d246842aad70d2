"""Trying again: how often, how long between, and what is not worth another attempt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.sources.retry import retry


class Failing:
    """Fails some times, then answers; counts calls."""

    def __init__(self, failures: int, error: Exception) -> None:
        self.failures, self.error, self.calls = failures, error, 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error
        return "answer"


def is_passing(error: Exception) -> bool:
    return isinstance(error, TimeoutError)


@given(st.integers(0, 12), st.integers(1, 12))
def test_a_call_is_made_until_it_answers_or_the_attempts_are_used_up(failures: int, attempts: int) -> None:
    call, waits = Failing(failures, TimeoutError()), []
    if failures < attempts:
        assert retry(call, is_passing, attempts, waits.append) == "answer"
    else:
        with pytest.raises(TimeoutError):
            retry(call, is_passing, attempts, waits.append)
    assert call.calls == min(failures + 1, attempts)
    assert len(waits) == call.calls - 1
    for number, seconds in enumerate(waits):
        longest = min(10.0, 0.25 * 2**number)
        assert longest / 2 <= seconds <= longest


def test_waits_differ_from_one_reader_to_the_next() -> None:
    waits: list[float] = []
    for _ in range(5):
        retry(Failing(1, TimeoutError()), is_passing, wait=waits.append)
    assert len(set(waits)) > 1


def test_what_would_fail_again_is_not_tried_again() -> None:
    call = Failing(1, PermissionError())
    with pytest.raises(PermissionError):
        retry(call, is_passing, wait=lambda seconds: pytest.fail("waited"))
    assert call.calls == 1
