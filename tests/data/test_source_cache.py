"""The cache of copies: one for each content, made once by whoever comes first, gone when nobody uses it."""

import errno
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from data.sources import SourceError
from data.sources.cache import UNUSED_S, cached


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOGOFLOW_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_many_who_ask_at_once_get_one_copy_that_was_made_once() -> None:
    made = []

    def write(path: Path) -> None:
        made.append(path)
        time.sleep(0.05)
        path.write_bytes(b"content")

    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda _: cached("identity", "logos.zip", write), range(8)))
    assert len(made) == 1
    (path,) = set(paths)
    assert (path.name, path.read_bytes()) == ("logos.zip", b"content")
    assert cached("another", "logos.zip", write) != path


def test_a_copy_that_was_not_finished_is_made_again(cache: Path) -> None:
    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise EOFError

    with pytest.raises(EOFError):
        cached("identity", "logos.zip", fail)
    assert not [path for path in cache.rglob("*") if path.is_file() and path.name != ".lock"]
    assert cached("identity", "logos.zip", lambda path: path.write_bytes(b"whole") and None).read_bytes() == b"whole"


def test_copies_that_nobody_used_for_long_go_when_another_is_made() -> None:
    old = cached("old", "x", lambda path: path.touch())
    used = cached("used", "x", lambda path: path.touch())
    for path in (old, used):
        os.utime(path.parent, (0, time.time() - UNUSED_S - 60))
    cached("used", "x", lambda path: pytest.fail("made again"))
    cached("new", "x", lambda path: path.touch())
    assert (old.exists(), used.exists()) == (False, True)


def test_a_full_disk_is_one_sentence() -> None:
    def write(path: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(SourceError, match=r"cannot take a copy of x \(No space left .*make room .*LOGOFLOW_CACHE\.$"):
        cached("identity", "x", write)
