"""Showing a run while it goes on, from what it tells the ledger: bars on a terminal, plain lines elsewhere."""

import os
import threading
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from logoflow.cli.output import console, seconds_in_words
from logoflow.machine import process_birth
from logoflow.store.ledger import Event, Kind, Ledger

POLL_S = 0.25
PLAIN_EVERY_S = 15.0


class Follower:
    """While it is entered, prints what the run that this process starts does, and no other's."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._run: str | None = None
        self._born = process_birth(os.getpid())
        self._seen = ledger.last_seq()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._view = Bars(console) if console.is_terminal else Lines(console)

    def __enter__(self) -> "Follower":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._view.close()

    def _follow(self) -> None:
        while not self._stop.wait(POLL_S):
            self._show()
        self._show()

    def _show(self) -> None:
        for event in self._ledger.events(after=self._seen):
            self._seen = event.seq
            if event.kind is Kind.RUN_STARTED and event.data["born"] == self._born:
                self._run = event.run
            if event.run == self._run:
                self._view.show(event)


def line_of(event: Event) -> str | None:
    """What people read of an event, or None where it is not worth a line."""
    match event.kind:
        case Kind.RUN_STARTED if event.data.get("queued"):
            return "Another run works in this store: this one waits until that has ended (see `logoflow status`)."
        case Kind.STAGE_STARTED:
            return f"{event.stage:<14} running: {event.data['reason']}"
        case Kind.STAGE_CACHED:
            return f"{event.stage:<14} {event.data['reason']}"
        case Kind.STAGE_BUILT:
            metrics = ", ".join(f"{name} {short(value)}" for name, value in list(event.data["metrics"].items())[:4])
            forced = f"; {event.data['reason']}" if event.data["reason"].startswith("forced") else ""
            return f"{event.stage:<14} built in {seconds_in_words(event.data['duration_s'])}; {metrics}{forced}"
        case Kind.STAGE_FAILED if event.data.get("cancelled"):
            return f"{event.stage:<14} cancelled"
        case Kind.STAGE_FAILED:
            return f"{event.stage:<14} failed: {event.data['message']}"
    return None


def short(value: object) -> str:
    """A metric in few digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


class Lines:
    """Plain lines, progress now and then."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._told: dict[str, float] = {}

    def show(self, event: Event) -> None:
        """Print one event."""
        if line := line_of(event):
            self._out.print(line, markup=False)
        if event.kind is Kind.PROGRESS:
            now = event.at.timestamp()
            if now - self._told.setdefault(event.stage, now) >= PLAIN_EVERY_S:
                self._told[event.stage] = now
                data = event.data
                self._out.print(f"{event.stage:<14} {data['done']:g} of {data['total']:g} {data['what']}", markup=False)

    def close(self) -> None:
        """Nothing is left to do."""


class RateColumn(ProgressColumn):
    """How fast a stage goes: `412 images/s`."""

    def render(self, task: Task) -> Text:
        """The rate of the last moments; nothing before there is one."""
        rate = task.finished_speed or task.speed
        if rate is None:
            return Text("")
        return Text(f"{rate:,.0f} {task.fields['what']}/s" if rate >= 10 else f"{rate:.2g} {task.fields['what']}/s")


class Bars:
    """A bar for the stage that runs, lines for what is done."""

    def __init__(self, out: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<14}"),
            BarColumn(),
            TextColumn("{task.completed:g}/{task.total:g} {task.fields[what]}"),
            RateColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=out,
            transient=True,
        )
        self._progress.start()
        self._bars: dict[str, TaskID] = {}

    def show(self, event: Event) -> None:
        """Print one event or move its bar."""
        if event.kind is Kind.PROGRESS:
            data = event.data
            if event.stage not in self._bars:
                self._bars[event.stage] = self._progress.add_task(event.stage, what=data["what"])
            self._progress.update(self._bars[event.stage], completed=data["done"], total=data["total"])
            return
        if event.kind in (Kind.STAGE_BUILT, Kind.STAGE_FAILED) and event.stage in self._bars:
            self._progress.remove_task(self._bars.pop(event.stage))
        if line := line_of(event):
            self._progress.console.print(line, markup=False)

    def close(self) -> None:
        """Take the bars away."""
        self._progress.stop()
