"""One run at a time works in a store; the next one waits, is told as queued, and goes on when the first has ended."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from logoflow.config.pipeline import PipelineConfig
from logoflow.monitor.gather import Observer
from logoflow.run import Run
from logoflow.status import read_runs
from logoflow.store.ledger import Ledger

CHILD = """
import sys
from pathlib import Path
from logoflow.config.load import load_config
from logoflow.run import Run
with Run(load_config(Path(sys.argv[1])), Path(sys.argv[2])).recorded():
    print("working", flush=True)
    sys.stdin.read()
"""
WAIT_S = 60


@pytest.fixture
def start(tmp_path: Path) -> Callable[[], subprocess.Popen[str]]:
    """Start a process that works in the store until its standard input ends."""
    (tmp_path / "small.yaml").write_text("name: small\ningest: {sources: [{name: a, path: a}]}\n")

    def begin() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", CHILD, str(tmp_path / "small.yaml"), str(tmp_path / "store")]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    return begin


def wait_for(ledger: Ledger, *states: str) -> None:
    """Wait until the runs are in these states, the newest first."""
    end = time.monotonic() + WAIT_S
    while (found := [run.state for run in read_runs(ledger)]) != list(states):
        assert time.monotonic() < end, found
        time.sleep(0.05)


@pytest.mark.parametrize("killed", [False, True])
def test_the_second_run_waits_for_the_first(
    start: Callable[[], subprocess.Popen[str]], tmp_path: Path, killed: bool
) -> None:
    ledger = Ledger(tmp_path / "store" / ".ledger.sqlite")
    with start() as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "working\n"
        with start() as second:
            wait_for(ledger, "queued", "running")
            (told,) = Observer(tmp_path / "store").status().pipelines
            assert told.last_run.state == "running"  # not the one that waits
            if killed:
                first.kill()
            else:
                first.communicate()
            assert second.stdout is not None
            assert second.stdout.readline() == "working\n"
            wait_for(ledger, "running", "crashed" if killed else "completed")
            second.communicate()
            wait_for(ledger, "completed", "crashed" if killed else "completed")


def test_a_run_that_is_cancelled_while_it_waits_is_told_as_cancelled(
    start: Callable[[], subprocess.Popen[str]], tmp_path: Path
) -> None:
    ledger = Ledger(tmp_path / "store" / ".ledger.sqlite")
    with start() as first:
        assert first.stdout is not None
        first.stdout.readline()
        with start() as second:
            wait_for(ledger, "queued", "running")
            second.send_signal(2)
        wait_for(ledger, "cancelled", "running")
        first.communicate()


def test_two_stores_do_not_wait_for_one_another(config: PipelineConfig, tmp_path: Path) -> None:
    with Run(config, tmp_path / "one").recorded(), Run(config, tmp_path / "two").recorded():
        assert [run.state for run in read_runs(Ledger(tmp_path / "two" / ".ledger.sqlite"))] == ["running"]
