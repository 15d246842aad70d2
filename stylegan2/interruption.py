"""Signals that end a training, held back until it can be saved: between two steps, not within one."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
"""Ctrl-C, a request to end, and the end of the time that a run allows."""


class Interruption:
    """A signal that may have come meanwhile."""

    def __init__(self) -> None:
        self._number: int | None = None

    @property
    def requested(self) -> bool:
        """Whether a signal waits."""
        return self._number is not None

    def note(self, number: int, frame: FrameType | None) -> None:
        """Remember a signal; what signal.signal calls."""
        self._number = number

    def deliver(self) -> None:
        """Send this process the signal that waits, if any."""
        if self._number is not None:
            os.kill(os.getpid(), self._number)


@contextmanager
def deferred(wanted: bool) -> Iterator[Interruption]:
    """Hold back these signals where that is wanted, and deliver at the end what came.

    Outside of the main thread nothing can be held back.
    """
    waiting = Interruption()
    if not wanted or threading.current_thread() is not threading.main_thread():
        yield waiting
        return
    before = {number: signal.signal(number, waiting.note) for number in SIGNALS}
    try:
        yield waiting
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        waiting.deliver()
