"""What a terminal shows of a stage that works through images."""

import io
import time

from rich.console import Console

from logoflow.cli.follow import Bars
from logoflow.store.ledger import Event, Kind


def test_a_bar_tells_images_rate_and_time_left() -> None:
    out = io.StringIO()
    bars = Bars(Console(file=out, force_terminal=True, width=120))
    for done in (100, 200, 300):
        bars.show(Event("run", "small", Kind.PROGRESS, "ingest", {"done": done, "total": 1000, "what": "images"}))
        time.sleep(0.02)
    bars._progress.refresh()
    bars.close()
    shown = out.getvalue()
    assert "300/1000 images" in shown
    assert " images/s" in shown
    assert "0:00:0" in shown  # elapsed and left
