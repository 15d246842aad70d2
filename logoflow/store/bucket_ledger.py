"""The ledger of a store in a bucket: one object per event, and on each machine an SQLite index made of them.

The index may be removed at any time. Progress and heartbeats overwrite one object per stage of a run: the machine where
it runs knows all of them, the others the newest.
"""

import json
import sqlite3
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from logoflow.store.bucket import Bucket, as_json
from logoflow.store.ledger import PASSING, Event, Kind, Ledger, insert

EVENTS, PASSED = ".ledger/events/", ".ledger/passing/"
LATE = timedelta(hours=1)
"""An event is looked for so long behind newer ones: clocks differ, and writers are slow."""
FRESH_S = 1.0
STAMP = "%Y%m%dT%H%M%S.%f"
PARALLEL = 16
TAKEN = "CREATE TABLE IF NOT EXISTS taken (key TEXT PRIMARY KEY, etag TEXT NOT NULL)"


class BucketLedger(Ledger):
    """Append to the bucket; read from the index, brought up to date at most once a second."""

    def __init__(self, path: Path, bucket: Bucket) -> None:
        super().__init__(path)
        self._bucket = bucket
        self._looked = -FRESH_S
        self._looking = threading.Lock()

    def __reduce__(self) -> tuple[type["BucketLedger"], tuple[Path, Bucket]]:  # type: ignore[override]
        return BucketLedger, (self.path, self._bucket)

    def append(self, event: Event) -> None:
        """Add one event, to the bucket first."""
        key = key_of(event)
        etag = self._bucket.write(key, as_json(told(event)))
        with self._open() as database:
            insert(database, event)
            take(database, key, etag)

    def _select(self, where: str, values: tuple[object, ...], order: str = "seq") -> list[Event]:
        with self._looking:
            if time.monotonic() - self._looked >= FRESH_S:
                self._look()
                self._looked = time.monotonic()
        return super()._select(where, values, order)

    def _look(self) -> None:
        """Bring the index up to date with what other machines wrote, in the order in which they did."""
        with self._open() as database:
            database.execute(TAKEN)
            taken = dict(database.execute("SELECT key, etag FROM taken").fetchall())
        newest = max((key for key in taken if key.startswith(EVENTS)), default=None)
        after = EVENTS + stamp(moment(newest) - LATE) if newest else ""
        there = self._bucket.etags(EVENTS, after) | self._bucket.etags(PASSED)
        new = [key for key, etag in there.items() if taken.get(key) != etag]
        with ThreadPoolExecutor(PARALLEL) as pool:
            found = [(key, read) for key, read in zip(new, pool.map(self._bucket.read, new), strict=True) if read]
        events = [(key, read.etag, event_of(json.loads(read.data))) for key, read in found]
        with self._open() as database:
            for key, etag, event in sorted(events, key=written):
                if event.kind in PASSING:
                    place = (event.run, event.stage, event.kind)
                    database.execute("DELETE FROM events WHERE run = ? AND stage = ? AND kind = ?", place)
                insert(database, event)
                take(database, key, etag)


def key_of(event: Event) -> str:
    """Where an event is written: behind those of before, or in the place of the one of its kind before it."""
    if event.kind in PASSING:
        return f"{PASSED}{event.run}/{event.stage}/{event.kind}.json"
    return f"{EVENTS}{stamp(datetime.now(UTC))}-{uuid.uuid4().hex}.json"


def written(found: tuple[str, str, Event]) -> str:
    """When an event was written, as text that sorts by time."""
    key, _, event = found
    return key.removeprefix(EVENTS) if key.startswith(EVENTS) else stamp(event.at)


def take(database: sqlite3.Connection, key: str, etag: str | None) -> None:
    """Remember that the index holds what an object says."""
    database.execute(TAKEN)
    database.execute("INSERT OR REPLACE INTO taken VALUES (?, ?)", (key, etag or ""))


def told(event: Event) -> dict[str, Any]:
    """An event as JSON can say it."""
    values = asdict(event)
    del values["seq"]  # of one index only
    return values | {"at": event.at.isoformat()}


def event_of(values: dict[str, Any]) -> Event:
    """The event that an object tells of."""
    return Event(**values | {"kind": Kind(values["kind"]), "at": datetime.fromisoformat(values["at"])})


def stamp(time: datetime) -> str:
    """A time as text that sorts by time."""
    return time.strftime(STAMP)


def moment(key: str) -> datetime:
    """When an event was written, by its key."""
    return datetime.strptime(key.removeprefix(EVENTS).split("-")[0], STAMP)
