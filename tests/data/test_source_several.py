"""Patterns: several sources of one kind are one, in the order of their names, each under its own."""

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.sources import SourceError, open_source


def write_zip(path: Path, content: dict[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)


@pytest.fixture
def zips(tmp_path: Path, png: Callable[[int], bytes]) -> Path:
    """Two zips that hold one name each, and one deeper."""
    write_zip(tmp_path / "z/b.zip", {"1.png": png(1), "x/2.png": png(2)})
    write_zip(tmp_path / "z/a.zip", {"1.png": png(3)})
    write_zip(tmp_path / "z/deep/c.zip", {"1.png": png(4)})
    write_zip(tmp_path / "z/.hidden.zip", {"1.png": png(5)})
    return tmp_path / "z"


def test_a_pattern_gives_the_images_of_all_that_it_matches_sorted(zips: Path, png: Callable[[int], bytes]) -> None:
    source = open_source("many", f"{zips}/*.zip", licence="MIT")
    entries = source.entries()
    assert [entry.name for entry in entries] == ["a.zip/1.png", "b.zip/1.png", "b.zip/x/2.png"]
    assert [raw.data for raw in source.read(entries)] == [png(3), png(1), png(2)]
    assert [raw.data for raw in source.read(entries[::-1])] == [png(2), png(1), png(3)]
    assert [raw.entry for raw in source.read(entries)] == entries
    assert (source.name, source.licence) == ("many", "MIT")
    deep = open_source("many", f"{zips}/**/*.zip").entries()
    assert [entry.name for entry in deep] == ["a.zip/1.png", "b.zip/1.png", "b.zip/x/2.png", "deep/c.zip/1.png"]


def test_another_match_leaves_the_entries_of_the_others_as_they_are(zips: Path, png: Callable[[int], bytes]) -> None:
    before = open_source("many", f"{zips}/*.zip")
    entries, digest = before.entries(), before.digest()
    write_zip(zips / "ab.zip", {"1.png": png(1)})
    after = open_source("many", f"{zips}/*.zip")
    assert set(after.entries()) - set(entries) == {after.entries()[1]}
    assert after.digest() != digest
    (zips / "ab.zip").rename(zips / "c.zip")
    assert open_source("many", f"{zips}/*.zip").digest() not in (digest, after.digest())


def test_reading_opens_only_what_holds_the_entries(zips: Path) -> None:
    entries = open_source("many", f"{zips}/*.zip").entries()
    opened: list[str] = []
    source = open_source("many", f"{zips}/*.zip", hash_file=lambda path: opened.append(os.fspath(path)) or "sha")
    list(source.read(entries[:1]))
    assert opened == [f"{zips}/a.zip"]


def test_folders_and_tables_can_be_matched_too(tmp_path: Path, png: Callable[[int], bytes]) -> None:
    for part in range(3):
        (tmp_path / f"set-{part}" / "sub").mkdir(parents=True)
        (tmp_path / f"set-{part}" / "sub" / "a.png").write_bytes(png(part))
        pq.write_table(pa.table({"image": [png(part)]}), tmp_path / f"{part}.parquet")
    folders = open_source("sets", f"{tmp_path}/set-[02]")
    assert [entry.name for entry in folders.entries()] == ["set-0/sub/a.png", "set-2/sub/a.png"]
    assert len(open_source("sets", f"{tmp_path}/**", "folder").entries()) == 3
    tables = open_source("tables", f"{tmp_path}/?.parquet")
    assert [raw.data for raw in tables.read(tables.entries())] == [png(0), png(1), png(2)]


def test_a_path_that_exists_as_it_is_written_is_no_pattern(tmp_path: Path, png: Callable[[int], bytes]) -> None:
    (tmp_path / "logos [2024]").mkdir()
    (tmp_path / "logos [2024]" / "a.png").write_bytes(png(1))
    assert [entry.name for entry in open_source("x", tmp_path / "logos [2024]").entries()] == ["a.png"]


def test_what_no_pattern_can_mean_is_one_sentence(tmp_path: Path, png: Callable[[int], bytes]) -> None:
    (tmp_path / "a.png").write_bytes(png(1))
    write_zip(tmp_path / "a.zip", {"a.png": png(1)})
    buffer = io.BytesIO()
    pq.write_table(pa.table({"image": [png(1)]}), buffer)
    (tmp_path / "a.parquet").write_bytes(buffer.getvalue())
    for pattern, sentence in {
        "*.jpg": "matches nothing: check the pattern",
        "*.png": "matches single images: give the folder around them",
        "a.[pz][ai]*": r"several kinds, a.parquet \(parquet\), a.zip \(zip\): make each kind a source of its own",
    }.items():
        with pytest.raises(SourceError, match=sentence):
            open_source("x", f"{tmp_path}/{pattern}").entries()
