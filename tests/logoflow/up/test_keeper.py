"""Services are started again when they die, and none outlives its keeper, however that ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from small_pipeline import ROOT

from logoflow.up.processes import end_all, marked

CHILD = ROOT / "tests" / "support" / "keeper_child.py"
WAIT_S = 60


class Kept:
    """A keeper in a process of its own, with a server, and a worker that has a child."""

    def __init__(self, store: Path) -> None:
        self.store = store
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, str(CHILD), str(store)]
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        assert self.line() == "ready\n"
        until(lambda: len(self.pids("worker")) == 2)

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def pids(self, service: str) -> list[int]:
        return marked(self.store, service)

    def guard(self) -> list[int]:
        wanted = f"logoflow.up.guard\0{self.store}\0".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                found += [int(path.parent.name)] if wanted in path.read_bytes() else []
            except OSError:
                continue
        return found


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    keeper = Kept(tmp_path)
    yield keeper
    keeper.process.kill()
    keeper.process.wait()
    end_all(tmp_path)


def test_a_service_that_is_killed_is_started_again_and_it_is_said(kept: Kept) -> None:
    (server,) = kept.pids("server")
    os.kill(server, signal.SIGKILL)
    assert kept.line().startswith("server ended by signal 9; it is started again in 1 s (")
    until(lambda: kept.pids("server") not in ([], [server]))
    (second,) = kept.pids("server")
    os.kill(second, signal.SIGKILL)
    assert "started again in 2 s" in kept.line()


def test_what_a_dead_worker_ran_goes_on(kept: Kept) -> None:
    worker, flow = sorted(kept.pids("worker"))
    os.kill(worker, signal.SIGKILL)
    assert kept.line().startswith("worker ended by signal 9")
    until(lambda: len(kept.pids("worker")) == 3)
    assert flow in kept.pids("worker")


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_all(kept: Kept, signum: int) -> None:
    kept.process.send_signal(signum)
    assert kept.line() == "ended\n"
    assert kept.process.wait(WAIT_S) == 0
    assert kept.pids("server") + kept.pids("worker") + kept.guard() == []


def test_nothing_is_left_when_the_keeper_is_killed(kept: Kept) -> None:
    kept.process.kill()
    until(lambda: kept.pids("server") + kept.pids("worker") + kept.guard() == [])


def test_a_guard_that_is_killed_is_replaced(kept: Kept) -> None:
    (guard,) = kept.guard()
    os.kill(guard, signal.SIGKILL)
    until(lambda: kept.guard() not in ([], [guard]))
    kept.process.kill()
    until(lambda: kept.pids("server") + kept.pids("worker") + kept.guard() == [])
