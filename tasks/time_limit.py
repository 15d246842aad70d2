"""An end to a stage that takes too long, with a sentence about it."""

from collections.abc import Iterator
from contextlib import contextmanager

from prefect.utilities.timeout import timeout


class TookTooLong(TimeoutError):
    """A stage was given so many seconds, and they are over."""


@contextmanager
def time_limit(stage: str, seconds: float | None) -> Iterator[None]:
    """End what runs within after some time, or never where that is None.

    A training holds the end back until it has written its snapshot. In another thread than the main one a call that
    blocks ends first.

    Raises:
        TookTooLong: the time is over.
    """
    try:
        with timeout(seconds, TookTooLong):
            yield
    except TookTooLong as error:
        raise TookTooLong(
            f"{stage} took longer than the {seconds:g} s of {stage}.timeout_s: allow it more, or run again to go on "
            "from its last snapshot or unit."
        ) from error
