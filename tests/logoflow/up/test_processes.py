"""Marked processes are found and ended in order, wherever they have got to; others are left alone."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from logoflow.up.processes import FLOW_MARK, end_all, mark, marked

SLEEPER = "import time; print('asleep', flush=True); time.sleep(600)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}"
TELLER = """
import pathlib, signal, sys, time
def tell(*_):
    with open(sys.argv[2], "a") as file:
        file.write(sys.argv[1] + " ")
    sys.exit()
signal.signal(signal.SIGTERM, tell)
print("asleep", flush=True)
time.sleep(600)
"""

Started = list[subprocess.Popen[str]]


@pytest.fixture
def started() -> Iterator[Started]:
    """The processes of a test; none outlives it."""
    processes: Started = []
    yield processes
    for process in processes:
        process.kill()
        process.wait()


def start(started: Started, marks: dict[str, str], *command: str) -> int:
    process = subprocess.Popen(
        [sys.executable, "-c", *command], env=marks, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    started.append(process)
    assert process.stdout is not None
    assert process.stdout.readline() == "asleep\n"
    return process.pid


def test_the_processes_of_one_store_end_and_those_of_another_stay(started: Started, tmp_path: Path) -> None:
    mine = start(started, mark(tmp_path, "worker"), SLEEPER)
    other = start(started, mark(tmp_path / "other", "worker"), SLEEPER)
    assert marked(tmp_path, "worker") == [mine]
    assert marked(tmp_path, "server") == []
    assert end_all(tmp_path) == 1
    assert started[0].wait(10) == -15
    assert marked(tmp_path, "worker") == []
    assert marked(tmp_path / "other", "worker") == [other]


def test_who_does_not_hear_the_first_signal_is_killed(started: Started, tmp_path: Path) -> None:
    start(started, mark(tmp_path, "pages"), DEAF)
    assert end_all(tmp_path) == 1
    assert started[0].wait(10) == -9


def test_who_lost_its_parent_is_found(started: Started, tmp_path: Path) -> None:
    lonely = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEPER!r}], start_new_session=True)"
    start(started, mark(tmp_path, "worker"), lonely)
    started[0].wait()
    (orphan,) = marked(tmp_path, "worker")
    assert orphan != started[0].pid
    assert end_all(tmp_path) == 1
    assert marked(tmp_path, "worker") == []


def test_flows_end_before_the_worker_and_the_server_last(started: Started, tmp_path: Path) -> None:
    told = tmp_path / "told"
    for service in ("server", "pages", "worker"):
        start(started, mark(tmp_path, service), TELLER, service, str(told))
    start(started, {**mark(tmp_path, "worker"), FLOW_MARK: "1"}, TELLER, "flow", str(told))
    assert end_all(tmp_path) == 4
    end = time.monotonic() + 10
    while any(process.poll() is None for process in started) and time.monotonic() < end:
        time.sleep(0.05)
    assert told.read_text().split() == ["flow", "worker", "pages", "server"]
