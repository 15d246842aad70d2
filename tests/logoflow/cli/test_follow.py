"""What a terminal shows of a stage that works through images."""

import io
import os
import time
from pathlib import Path

import pytest
from rich.console import Console

from logoflow.cli.follow import Bars, Follower
from logoflow.machine import process_birth
from logoflow.store.ledger import Event, Kind, Ledger


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


def test_only_the_run_of_this_process_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")

    def tell(run: str, kind: Kind, **data: object) -> None:
        ledger.append(Event(run, "small", kind, "" if kind is Kind.RUN_STARTED else "ingest", data))

    tell("earlier", Kind.RUN_STARTED, born=process_birth(os.getpid()))
    with Follower(ledger):
        tell("other", Kind.RUN_STARTED, born="another process")
        tell("mine", Kind.RUN_STARTED, born=process_birth(os.getpid()), queued=True)
        tell("other", Kind.STAGE_STARTED, reason="theirs")
        tell("mine", Kind.STAGE_STARTED, reason="never ran")
        tell("other", Kind.STAGE_FAILED, message="theirs, too")
        tell("earlier", Kind.STAGE_FAILED, message="before this one")
    assert capsys.readouterr().out.splitlines() == [
        "Another run works in this store: this one waits until that has ended (see `logoflow status`).",
        "ingest         running: never ran",
    ]
