"""The image table as files for others: bounded, whole or not there, and the same rows."""

from collections.abc import Callable
from pathlib import Path

import pytest

from data.merged import write_merged
from data.sources import open_source
from data.table import Origin, Picture, read_shard


def picture(number: int, size: int) -> Picture:
    origins = (Origin("s", f"{number}.png", number), Origin("t", "copy.png", 0))
    return Picture(f"{number:064}", "p", bytes([number]) * size, f"{number}.png", 9, 9, "RGB", origins, {"k": 1}, "MIT")


def test_files_keep_their_bound_and_hold_the_rows_in_order(tmp_path: Path) -> None:
    rows = [
        picture(number, size) for number, size in enumerate([9000, 30_000, 100, 50_000, 30_000, 30_000, 200_000, 9])
    ]
    files = write_merged(tmp_path / "out", iter(rows), file_bytes=100_000)
    assert [path.name for path in files] == [f"train-{number:05d}-of-00004.parquet" for number in range(4)]
    assert [row for path in files for row in read_shard(path)] == rows
    small = [path for path in files if len(read_shard(path)) > 1]
    assert len(small) == 2
    assert max(path.stat().st_size for path in small) <= 100_000


def test_a_folder_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    def failing() -> Picture:
        raise OSError("the disk is full")

    (tmp_path / "out").mkdir()
    with pytest.raises(OSError, match="the disk is full"):
        write_merged(tmp_path / "out", (picture(0, 9) if number == 0 else failing() for number in range(2)))
    assert list((tmp_path / "out").iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_was_written_is_a_source_again(tmp_path: Path, png: Callable[[int], bytes]) -> None:
    row = Picture("0" * 64, "p", png(1), "a.png", 24, 20, "RGB", (Origin("s", "a.png", 0),))
    write_merged(tmp_path / "out", [row])
    again = open_source("again", tmp_path / "out")
    assert [raw.data for raw in again.read(again.entries())] == [png(1)]
