"""What was computed of a file is remembered for as long as the file stays as it is."""

import hashlib
import os
import time
from pathlib import Path

import pytest

from logoflow.store.memo import Memo

HOUR_S = 3600


class Counted:
    """Reads a file's text, and counts how often."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, path: Path) -> str:
        self.calls += 1
        return path.read_text()


@pytest.fixture
def read() -> Counted:
    return Counted()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that was last changed an hour ago."""
    return write(tmp_path / "file", "one", HOUR_S)


def write(path: Path, text: str, age_s: float) -> Path:
    path.write_text(text)
    os.utime(path, (time.time() - age_s, time.time() - age_s))
    return path


def test_an_unchanged_file_is_read_once_by_all_processes(tmp_path: Path, file: Path, read: Counted) -> None:
    for _ in range(3):
        memo = Memo(tmp_path / "memo")
        assert memo.recall("text", file, read) == "one"
        assert memo.recall("text", file, read) == "one"
        memo.save()
    assert read.calls == 1


def test_a_file_is_read_again_after_its_time_size_or_inode_changed(tmp_path: Path, file: Path, read: Counted) -> None:
    memo = Memo(tmp_path / "memo")
    times = file.stat().st_atime_ns, file.stat().st_mtime_ns
    assert memo.recall("text", file, read) == "one"
    write(file, "two", HOUR_S + 1)
    assert memo.recall("text", file, read) == "two"

    write(file, "three", 0)
    os.utime(file, ns=times)
    assert memo.recall("text", file, read) == "three"

    write(tmp_path / "new", "seven", 0).replace(file)
    os.utime(file, ns=times)
    assert memo.recall("text", file, read) == "seven"
    assert memo.recall("text", file, read) == "seven"
    assert read.calls == 4


def test_a_file_that_was_changed_a_moment_ago_is_read_every_time(tmp_path: Path, read: Counted) -> None:
    memo = Memo(tmp_path / "memo")
    fresh = write(tmp_path / "fresh", "one", age_s=0)
    for _ in range(3):
        memo.recall("text", fresh, read)
    assert read.calls == 3


def test_values_of_different_kinds_and_files_do_not_mix(tmp_path: Path, file: Path, read: Counted) -> None:
    memo = Memo(tmp_path / "memo")
    other = write(tmp_path / "other", "two", HOUR_S)
    assert memo.recall("text", file, read) == "one"
    assert memo.recall("length", file, lambda path: len(path.read_text())) == 3
    assert memo.recall("text", other, read) == "two"
    assert memo.sha256(file) == hashlib.sha256(b"one").hexdigest()
    assert memo.recall("text", file, read) == "one"


def test_a_file_is_known_by_its_place_from_wherever_one_asks(
    tmp_path: Path, file: Path, read: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    memo = Memo(tmp_path / "memo")
    memo.recall("text", file, read)
    monkeypatch.chdir(tmp_path)
    memo.recall("text", Path("file"), read)
    assert read.calls == 1
    memo.recall("text", file.rename(tmp_path / "moved"), read)
    assert read.calls == 2


@pytest.mark.parametrize("garbage", [b"", b"not a database at all, but long enough to have a header" * 10])
def test_a_corrupt_memory_is_forgotten_and_works_again(
    tmp_path: Path, file: Path, read: Counted, garbage: bytes
) -> None:
    (tmp_path / "memo").write_bytes(garbage)
    for _ in range(3):
        memo = Memo(tmp_path / "memo")
        assert memo.recall("text", file, read) == "one"
        memo.save()
    assert read.calls == 1


def test_a_memory_cut_short_is_forgotten_and_works_again(tmp_path: Path, file: Path, read: Counted) -> None:
    memo = Memo(tmp_path / "memo")
    memo.recall("text", file, read)
    memo.save()
    content = (tmp_path / "memo").read_bytes()
    (tmp_path / "memo").write_bytes(content[: len(content) // 2])
    for _ in range(2):
        memo = Memo(tmp_path / "memo")
        assert memo.recall("text", file, read) == "one"
        memo.save()
    assert read.calls == 2


def test_what_two_save_is_kept_of_both(tmp_path: Path, file: Path, read: Counted) -> None:
    other = write(tmp_path / "other", "two", HOUR_S)
    first, second = Memo(tmp_path / "memo"), Memo(tmp_path / "memo")
    first.recall("text", file, read)
    second.recall("text", other, read)
    first.save()
    second.save()
    third = Memo(tmp_path / "memo")
    assert [third.recall("text", path, read) for path in (file, other)] == ["one", "two"]
    assert read.calls == 2


def test_a_memory_that_cannot_be_saved_costs_only_time(tmp_path: Path, file: Path, read: Counted) -> None:
    memo = Memo(tmp_path / "missing folder" / "memo")
    assert memo.recall("text", file, read) == "one"
    memo.save()
    assert memo.recall("text", file, read) == "one"
    assert read.calls == 1


def test_a_file_whose_name_is_not_utf8_is_remembered_as_well(tmp_path: Path, read: Counted) -> None:
    file = write(Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")), "one", HOUR_S)
    memo = Memo(tmp_path / "memo")
    assert memo.recall("text", file, read) == "one"
    memo.save()
    assert Memo(tmp_path / "memo").recall("text", file, read) == "one"
    assert read.calls == 1
