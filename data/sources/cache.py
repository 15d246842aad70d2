"""Copies of what can only be read slowly, from far away or front to back: made once, kept on this machine's disk."""

import errno
import fcntl
import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from data.sources.source import SourceError

UNUSED_S = 30 * 24 * 3600


def cache_root() -> Path:
    """The folder of copies; it may be removed at any time."""
    given = os.environ.get("LOGOFLOW_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(given) if given else Path(base, "logoflow")


def cached(identity: str, name: str, write: Callable[[Path], None]) -> Path:
    """The copy of something, made now unless it is there.

    Processes that ask for one copy at the same time wait for the first. Copies that nobody used for 30 days are removed
    when another is made.

    Args:
        identity: of the content; another content has another identity.
        name: what the file is called.
        write: makes the copy at a path.

    Raises:
        SourceError: there is no room for it.
    """
    folder = cache_root() / hashlib.sha256(identity.encode()).hexdigest()[:32]
    path = folder / name
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(folder / ".lock"):
            if not path.exists():
                _remove_unused()
                partial = folder / f".{uuid.uuid4().hex}"
                try:
                    write(partial)
                    partial.replace(path)
                finally:
                    partial.unlink(missing_ok=True)
            os.utime(folder)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise
        raise SourceError(
            f"{cache_root()} cannot take a copy of {name} ({error.strerror}): make room there, or name another folder "
            "by LOGOFLOW_CACHE."
        ) from error
    return path


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock that the kernel drops when its holder dies."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _remove_unused() -> None:
    """Remove copies that were not used for long; one that is being read stays readable."""
    for folder in cache_root().iterdir():
        if time.time() - folder.stat().st_mtime > UNUSED_S:
            shutil.rmtree(folder, ignore_errors=True)
