"""`logoflow status`: for people, for programs, and as a view that goes on until Ctrl-C."""

import io
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console

from logoflow.cli import live
from logoflow.cli.main import main
from logoflow.config.load import check_config
from logoflow.monitor.gather import Observer
from logoflow.monitor.model import Status
from logoflow.resolve import Workspace
from logoflow.store.ledger import Event, Kind

PROJECT = Path(__file__).parents[3]
PATIENCE_S = 120


@pytest.fixture
def status(
    space: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Call `logoflow status` on the store of `space`, unless it names one; code, output and errors."""
    monkeypatch.setenv("LOGOFLOW_STORE", str(space.store.root))
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.delenv("PREFECT_API_URL", raising=False)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["logoflow", "status", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        return (int(end.value.code or 0), *capsys.readouterr())

    return call


def test_people_see_each_pipeline_stage_by_stage(
    status: Callable[..., tuple[int, str, str]], rehearse: Any, values: dict[str, Any]
) -> None:
    assert status() == (0, "No run yet: start one with `logoflow run`.\n", "")
    rehearse(check_config(values))
    rehearse(check_config({**values, "cluster": {"k": 12}}))
    rehearse(check_config({**values, "name": "other"}))
    _, table, _ = status()
    assert "rehearsal: completed, run run-2" in table
    assert "other: completed, run run-3" in table
    (line,) = [line for line in table.splitlines() if "config k: 10 -> 12" in line]
    assert line.split()[:2] == ["cluster", "built"]
    assert "artifacts" in table.splitlines()[-1]


def test_programs_get_json_or_prometheus_text(
    status: Callable[..., tuple[int, str, str]], rehearse: Any, values: dict[str, Any]
) -> None:
    rehearse(check_config(values))
    told = Status.model_validate_json(status("--json")[1])
    assert [(pipeline.name, pipeline.last_run.id) for pipeline in told.pipelines] == [("rehearsal", "run-1")]
    names = {family.name for family in text_string_to_metric_families(status("--prom")[1])}
    assert "logoflow_stage_state" in names


def test_a_store_that_is_not_there_is_not_made(status: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    for option in ("--json", "--prom"):
        assert status("--store", str(tmp_path / "none"), option)[0] == 0
    assert not (tmp_path / "none").exists()


def test_one_form_at_a_time(status: Callable[..., tuple[int, str, str]]) -> None:
    assert status("--json", "--watch") == (2, "", "--json, --prom and --watch exclude one another: choose one.\n")


@pytest.fixture
def running(space: Workspace) -> Callable[..., None]:
    """Tell of a stage that runs, and how far it is."""

    def tell(done: int) -> None:
        begin, told = datetime.now(UTC) - timedelta(seconds=100), {"reason": "never ran", "fingerprint": "f" * 64}
        if not space.ledger.last_seq():
            space.ledger.append(Event("run", "demo", Kind.RUN_STARTED, data={"pid": 1}, at=begin))
            space.ledger.append(Event("run", "demo", Kind.STAGE_STARTED, "ingest", told, begin))
        space.ledger.append(
            Event("run", "demo", Kind.PROGRESS, "ingest", {"done": done, "total": 800, "what": "images"})
        )

    return tell


def test_a_view_shows_a_bar_figures_and_words_that_are_no_markup(
    space: Workspace, running: Callable[..., None]
) -> None:
    running(200)
    space.ledger.append(Event("run", "demo", Kind.STAGE_STARTED, "embed", {"reason": "[red]why", "fingerprint": ""}))
    out = io.StringIO()
    Console(file=out, width=120, force_terminal=True, color_system=None).print(
        live.view(Observer(space.store.root).status())
    )
    (line,) = [line for line in out.getvalue().splitlines() if line.startswith("ingest")]
    assert "━" in line
    assert "200 of 800 images" in line
    assert "[red]why" in out.getvalue()


def watch(space: Workspace, output: int) -> "subprocess.Popen[bytes]":
    environment = {"PATH": "", "PYTHONPATH": str(PROJECT), "COLUMNS": "120", "LINES": "40", "TERM": "xterm"}
    code = "from logoflow.cli.main import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, "status", "--watch", "--store", str(space.store.root)],
        stdout=output,
        stderr=output,
        env=environment,
    )


def read_until(source: int, wanted: bytes) -> bytes:
    """What a command prints, up to some words."""
    seen, ended = b"", time.monotonic() + PATIENCE_S
    while wanted not in seen and time.monotonic() < ended:
        seen += os.read(source, 4096)
    return seen


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "pipe"])
def test_watching_shows_what_changes_and_ends_by_ctrl_c(
    space: Workspace, running: Callable[..., None], terminal: bool
) -> None:
    running(200)
    source, output = pty.openpty() if terminal else os.pipe()
    process = watch(space, output)
    try:
        first = read_until(source, b"never ran")
        assert b"running" in first
        assert (b"\x1b[" in first) == terminal
        space.ledger.append(Event("run", "demo", Kind.STAGE_FAILED, "ingest", {"message": "the disk is full"}))
        assert b"the disk is full" in read_until(source, b"the disk is full")
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait()
        os.close(source)
        os.close(output)
