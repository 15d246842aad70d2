"""Files that survive a crash: hashing, fsync, atomic writes."""

import functools
import hashlib
import os
import uuid
from contextlib import suppress
from pathlib import Path

SMALL_BYTES = 2**20
"""Files up to this size are read at once to be hashed."""


def sha256_file(path: Path) -> str:
    """Sha256, in hex, of a file's bytes."""
    with path.open("rb", buffering=0) as file:
        if os.fstat(file.fileno()).st_size <= SMALL_BYTES:  # without a large buffer that has to be cleared first
            return hashlib.sha256(file.readall()).hexdigest()
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_once(path: Path) -> str:
    """The same, computed once in a process for each stat of the file."""
    stat = path.stat()
    return _sha256_of_stat(path, stat.st_size, stat.st_ino, stat.st_mtime_ns)


@functools.lru_cache(maxsize=100_000)
def _sha256_of_stat(path: Path, size: int, inode: int, mtime_ns: int) -> str:
    return sha256_file(path)


def fsync_path(path: Path) -> None:
    """Ask the disk to keep a file's bytes or a folder's entries."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old bytes or the new, never a part, also after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    fsync_path(path.parent)


def size_of(folder: Path) -> int:
    """Bytes of the files below a folder, where others may come and go meanwhile."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += os.lstat(os.path.join(place, name)).st_size  # noqa: PTH118  (a hundred thousand of them)
    return total
