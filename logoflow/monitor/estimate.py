"""How long a stage still takes: from the rate of its last progress, else from how long it took last time."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from logoflow.store.ledger import Event

RECENT = 50
"""So many of the newest lines of progress count: at most one is told a second."""


def seconds_left(progress: Sequence[Event], now: datetime, elapsed_s: float, last_took_s: float | None) -> float | None:
    """Seconds until a running stage is done; None where nothing is known.

    Args:
        progress: what it told of its progress, newest first.
        now: the time.
        elapsed_s: seconds that it has been running.
        last_took_s: seconds that its last build took.
    """
    same = [event for event in progress if event.data["what"] == progress[0].data["what"]]
    if len(same) > 1 and (gained := same[0].data["done"] - same[-1].data["done"]) > 0:
        rate = gained / max((same[0].at - same[-1].at) / timedelta(seconds=1), 1e-3)
        since = (now - same[0].at) / timedelta(seconds=1)
        return float(max(0.0, (same[0].data["total"] - same[0].data["done"]) / rate - since))
    return None if last_took_s is None else max(0.0, last_took_s - elapsed_s)
