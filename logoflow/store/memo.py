"""Digests that were computed once: remembered by a file's path, size, inode and modification time.

Hashing the sources and parsing our own code again for every `plan` would take seconds; a file whose stat is unchanged
is taken as unchanged. A file modified within the last two seconds is hashed anew each time, since a second change could
leave the same time stamp.
"""

import json
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from logoflow.store.files import sha256_file

SETTLED_S = 2.0

T = TypeVar("T")


class Memo:
    """Values of pure functions of a file's bytes, kept in one SQLite file; `save` writes what is new."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[tuple[str, str], tuple[str, str]] | None = None
        self._new: dict[tuple[str, str], tuple[str, str]] = {}

    def recall(self, kind: str, path: Path | os.DirEntry[str], compute: Callable[[Path], T]) -> T:
        """`compute(path)`, or what it gave when the file last had this stat; `kind` names the function. T is JSON."""
        stat, place = path.stat(), os.fspath(path)
        if not place.startswith("/"):
            place = str(Path(place).absolute())
        if not place.isascii():  # a name may be no UTF-8, which SQLite does not take
            place = os.fsencode(place).decode("utf-8", "backslashreplace")
        stamp = f"{stat.st_size}-{stat.st_ino}-{stat.st_mtime_ns}"
        settled = time.time() - stat.st_mtime > SETTLED_S
        return self.recall_stamped(kind, place, stamp, lambda: compute(Path(path)), keep=settled)

    def recall_stamped(self, kind: str, place: str, stamp: str, compute: Callable[[], T], keep: bool = True) -> T:
        """`compute()`, or what it gave when what is at `place` last had this stamp; kept if it may be."""
        if self._known is None:
            self._known = self._load()
        known = self._known.get((kind, place))
        if known is not None and known[0] == stamp:
            value: T = json.loads(known[1])
            return value
        value = compute()
        if keep:
            self._known[kind, place] = self._new[kind, place] = (stamp, json.dumps(value))
        return value

    def sha256(self, path: Path | os.DirEntry[str]) -> str:
        """Sha256 of a file's bytes, in hex."""
        return self.recall("sha256", path, sha256_file)

    def save(self) -> None:
        """Keep what was computed since the last save; a store that cannot be written loses only speed."""
        if not self._new:
            return
        rows = [(*key, *value) for key, value in self._new.items()]
        try:
            with closing(sqlite3.connect(self.path, timeout=30)) as database, database:
                database.execute(SCHEMA)
                database.executemany("INSERT OR REPLACE INTO memo VALUES (?, ?, ?, ?)", rows)
        except sqlite3.DatabaseError:
            return
        self._new.clear()

    def _load(self) -> dict[tuple[str, str], tuple[str, str]]:
        if not self.path.exists():
            return {}
        try:
            with closing(sqlite3.connect(self.path, timeout=30)) as database:
                rows = database.execute("SELECT kind, path, stamp, value FROM memo").fetchall()
        except sqlite3.OperationalError:  # no table yet, or locked for long
            return {}
        except sqlite3.DatabaseError:  # cut short by a full disk, say: it is only a memory, begin a new one
            self.path.unlink(missing_ok=True)
            return {}
        return {(kind, path): (stamp, value) for kind, path, stamp, value in rows}


SCHEMA = "CREATE TABLE IF NOT EXISTS memo (kind TEXT, path TEXT, stamp TEXT, value TEXT, PRIMARY KEY (kind, path))"
