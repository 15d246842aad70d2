"""The ledger: an append-only list of what happened in each run, stage and unit. Status and reasons are read from it.

Events outlive artifacts, so that a reason can be told after gc has removed what it compares with. One SQLite file;
readers and writers of several processes share it.
"""

import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import quote

from logoflow.errors import UserError

SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, run TEXT NOT NULL, pipeline TEXT NOT NULL,
    stage TEXT NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_of_a_run ON events (run, seq);
CREATE INDEX IF NOT EXISTS events_of_a_stage ON events (pipeline, stage, kind, seq);
"""


class Kind(StrEnum):
    """What an event says."""

    RUN_STARTED = "run started"
    RUN_ENDED = "run ended"
    STAGE_STARTED = "stage started"
    STAGE_CACHED = "stage cached"
    STAGE_BUILT = "stage built"
    STAGE_FAILED = "stage failed"
    UNITS = "units"
    PROGRESS = "progress"
    HEARTBEAT = "heartbeat"
    ACCEPTED = "accepted"
    GATE_BROKEN = "gate broken"
    GATE_ALLOWED = "gate allowed"


PASSING = (Kind.PROGRESS, Kind.HEARTBEAT)
"""Of these only the newest about a stage of a run says how things are."""


@dataclass(frozen=True)
class Event:
    """One line of the ledger; `stage` is empty for what concerns a whole run."""

    run: str
    pipeline: str
    kind: Kind
    stage: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    seq: int = 0


def connect(path: Path) -> sqlite3.Connection:
    """A connection to a ledger, which is made where there is none; one that may not be written to is only read."""
    if not os.access(path.parent, os.W_OK):
        # A reader, too, needs the files beside it, unless it is told that nobody writes.
        mode = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "immutable=1"
        return sqlite3.connect(f"file:{quote(str(path))}?{mode}", uri=True, timeout=60, check_same_thread=False)
    connection = sqlite3.connect(path, timeout=60, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.executescript(SCHEMA)
    return connection


class Ledger:
    """Append and read events from any thread; a process keeps one connection, as closing one syncs the disk twice.

    Every method raises a UserError where the disk is full, the store may not be written to, or the file is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def __reduce__(self) -> tuple[type["Ledger"], tuple[Path]]:
        return Ledger, (self.path,)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock:
                if self._connection is None:
                    self._connection = connect(self.path)
                with self._connection:
                    yield self._connection
        except sqlite3.OperationalError as error:  # SQLite makes files beside it, even to read
            raise UserError(
                f"nothing can be written to the ledger {self.path} ({error}): make room on its disk, or allow it, and "
                "run again."
            ) from error
        except sqlite3.DatabaseError as error:
            raise UserError(
                f"the ledger {self.path} is damaged ({error}): move it away; artifacts are kept, the history is not."
            ) from error

    def append(self, event: Event) -> None:
        """Add one event."""
        with self._open() as database:
            insert(database, event)

    def events(self, run: str | None = None, after: int = 0) -> list[Event]:
        """Events of a run (of all), oldest first, from behind sequence number `after`."""
        return self._select("seq > ? AND (? IS NULL OR run = ?)", (after, run, run))

    def last_seq(self) -> int:
        """The sequence number of the newest event; 0 before the first."""
        newest = self._select("TRUE", (), order="seq DESC LIMIT 1")
        return newest[0].seq if newest else 0

    def states(self) -> list[Event]:
        """Every event, oldest first, but of the progress and the heartbeats of a stage only the last."""
        newest = "SELECT max(seq) FROM events WHERE kind IN (?, ?) GROUP BY run, stage, kind"
        return self._select(f"kind NOT IN (?, ?) OR seq IN ({newest})", PASSING * 2)

    def recent(self, run: str, stage: str, kind: Kind, count: int) -> list[Event]:
        """The newest events of one kind about a stage of a run, newest first."""
        return self._select("run = ? AND stage = ? AND kind = ?", (run, stage, kind), order=f"seq DESC LIMIT {count}")

    def last_answer(self, pipeline: str | None, stage: str) -> Event | None:
        """The event by which a run of a pipeline (of any) last built a stage or found it done."""
        whose, names = (
            ("", ()) if pipeline is None else ("pipeline = ? AND ", (pipeline,))
        )  # what the index begins with
        found = self._select(
            f"{whose}stage = ? AND kind IN (?, ?)",
            (*names, stage, Kind.STAGE_BUILT, Kind.STAGE_CACHED),
            order="seq DESC LIMIT 1",
        )
        return found[0] if found else None

    def of_kind(self, kind: Kind, stage: str) -> list[Event]:
        """Events of a kind that concern a stage, in all pipelines, oldest first."""
        return self._select("kind = ? AND stage = ?", (kind, stage))

    def last_accepted(self, pipeline: str | None) -> Event | None:
        """The event by which people accepted a run of a pipeline (of any) last."""
        whose, names = ("", ()) if pipeline is None else ("pipeline = ? AND ", (pipeline,))
        found = self._select(f"{whose}kind = ?", (*names, Kind.ACCEPTED), order="seq DESC LIMIT 1")
        return found[0] if found else None

    def _select(self, where: str, values: tuple[object, ...], order: str = "seq") -> list[Event]:
        if not self.path.exists():
            return []
        columns = "seq, at, run, pipeline, stage, kind, data"
        with self._open() as database:
            rows = database.execute(f"SELECT {columns} FROM events WHERE {where} ORDER BY {order}", values).fetchall()
        return [
            Event(run, pipeline, Kind(kind), stage, json.loads(data), datetime.fromisoformat(at), seq)
            for seq, at, run, pipeline, stage, kind, data in rows
        ]


def insert(database: sqlite3.Connection, event: Event) -> None:
    """Add an event to the index."""
    row = (event.at.isoformat(), event.run, event.pipeline, event.stage, event.kind, json.dumps(event.data))
    database.execute("INSERT INTO events (at, run, pipeline, stage, kind, data) VALUES (?, ?, ?, ?, ?, ?)", row)
