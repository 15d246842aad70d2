"""Patterns: several sources of one kind are one, in the order of their names, each under its own."""

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.limits import Reason
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


def test_a_pattern_of_images_is_a_folder_with_a_filter(tmp_path: Path, png: Callable[[int], bytes]) -> None:
    for number, name in enumerate(("a.png", "b.jpg", "cats/c.png", "cats/.hidden.png", "cats/notes.txt", "dogs/d.png")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(png(number))
    for pattern, names in {
        "*.png": ["a.png"],
        "**/*.png": ["a.png", "cats/c.png", "dogs/d.png"],
        "cats/*": ["c.png"],
        "*/?.png": ["cats/c.png", "dogs/d.png"],
    }.items():
        source = open_source("some", f"{tmp_path}/{pattern}", labels="folders")
        assert [entry.name for entry in source.entries()] == names
    assert [(raw.data, raw.labels) for raw in source.read(source.entries())] == [
        (png(2), {"folder": 0}),
        (png(5), {"folder": 1}),
    ]


def test_a_damaged_part_is_one_image_in_quarantine_and_an_empty_one_is_passed_over(
    zips: Path, png: Callable[[int], bytes]
) -> None:
    whole = open_source("many", f"{zips}/*.zip").digest()
    write_zip(zips / "ab.zip", {"readme.txt": b"no image"})
    (zips / "aa.zip").write_bytes((zips / "b.zip").read_bytes()[:-30])
    source = open_source("many", f"{zips}/*.zip")
    assert [(raw.entry.name, raw.problem and raw.problem.reason) for raw in source.read(source.entries())] == [
        ("a.zip/1.png", None),
        ("aa.zip", Reason.unreadable),
        ("b.zip/1.png", None),
        ("b.zip/x/2.png", None),
    ]
    assert source.digest() != whole
    assert source.ignored() == {".txt": 1}
    damaged = source.entries()[1]
    write_zip(zips / "aa.zip", {"1.png": png(8)})
    with pytest.raises(SourceError, match=r"aa\.zip of the source many changed while it was being read: run again"):
        list(open_source("many", f"{zips}/*.zip").read([damaged]))


def test_a_part_that_goes_after_it_was_listed_is_an_error(zips: Path) -> None:
    entries = open_source("many", f"{zips}/*.zip").entries()
    (zips / "b.zip").unlink()
    with pytest.raises(SourceError, match=r"b\.zip/1\.png of the source many is not there any more: run again"):
        list(open_source("many", f"{zips}/*.zip").read(entries))


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
        "a.[pz][ni]*": "matches both images, such as a.png, and a.zip: make each kind a source of its own",
        "a.[pz][ai]*": r"several kinds, a.parquet \(parquet\), a.zip \(zip\): make each kind a source of its own",
    }.items():
        with pytest.raises(SourceError, match=sentence):
            open_source("x", f"{tmp_path}/{pattern}").entries()
