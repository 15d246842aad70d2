"""Trying again after a transient failure, ever more slowly and at random, so that many readers do not come at once."""

import errno
import random
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

ATTEMPTS = 6
FIRST_S = 0.25
LONGEST_S = 10.0

LOCAL_ATTEMPTS = 4
"""Of reading a file of this machine, which waits for 2 s at most."""

_PASSING = frozenset(
    {errno.EIO, errno.EREMOTEIO, errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN, errno.EBUSY, errno.ENOMEM}
    | {errno.EMFILE, errno.ENFILE, errno.EPIPE, errno.ECONNRESET, errno.ECONNREFUSED, errno.ECONNABORTED}
    | {errno.ENOTCONN, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH}
)


def is_passing(error: Exception) -> bool:
    """Whether a failure says nothing of the file, but of the disk, the network or the machine at that moment."""
    return isinstance(error, OSError) and error.errno in _PASSING


def retry(
    call: Callable[[], T],
    is_transient: Callable[[Exception], bool],
    attempts: int = ATTEMPTS,
    wait: Callable[[float], None] = time.sleep,
) -> T:
    """What a call gives, at the latest at the last attempt.

    Before attempt n + 1 it waits for up to 0.25 s times two to the power n - 1, at most 10 s, and at least half of it.

    Args:
        call: what to do.
        is_transient: whether another attempt could end better after an exception.
        attempts: calls at most.
        wait: sleeps for some seconds.

    Raises:
        Exception: of the last attempt, or the first that is not transient.
    """
    for attempt in range(1, attempts):
        try:
            return call()
        except Exception as error:
            if not is_transient(error):
                raise
        wait(min(LONGEST_S, FIRST_S * 2 ** (attempt - 1)) * random.uniform(0.5, 1))
    return call()
