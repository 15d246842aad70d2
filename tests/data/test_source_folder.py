"""Folders: which files are offered, what names their bytes, what is refused."""

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from data.limits import Reason
from data.sources import Entry, Source, SourceError, open_source
from data.sources.folder import FolderSource
from data.sources.source import FilePath


def _reasons(source: Source) -> dict[str, str | None]:
    return {raw.entry.name: raw.problem and raw.problem.reason.value for raw in source.read(source.entries())}


@pytest.fixture
def folder(tmp_path: Path, png: Callable[[int], bytes]) -> Path:
    """Two images, one of them below, and what is no image."""
    root = tmp_path / "logos"
    (root / "b").mkdir(parents=True)
    (root / "z.PNG").write_bytes(png(1))
    (root / "b" / "ü.png").write_bytes(png(2))
    for name in ("readme.txt", ".hidden.png", "b/.DS_Store"):
        (root / name).write_bytes(b"x")
    return root


def test_images_are_offered_sorted_and_named_by_their_hash(folder: Path, png: Callable[[int], bytes]) -> None:
    source = open_source("mine", folder)
    entries = source.entries()
    assert [(entry.name, entry.position) for entry in entries] == [("b/ü.png", 0), ("z.PNG", 0)]
    assert [entry.version for entry in entries] == [hashlib.sha256(png(seed)).hexdigest() for seed in (2, 1)]
    assert [raw.data for raw in source.read(entries)] == [png(2), png(1)]
    assert [raw.data for raw in source.read(entries[::-1])] == [png(1), png(2)]


def test_the_digest_changes_with_any_name_or_byte_and_with_nothing_else(
    folder: Path, png: Callable[[int], bytes]
) -> None:
    digests = [open_source("mine", folder).digest()]
    (folder / "readme.txt").write_bytes(b"other")
    os.utime(folder / "z.PNG", (0, 0))
    assert open_source("yours", folder).digest() == digests[0]
    (folder / "z.PNG").write_bytes(png(3))
    digests.append(open_source("mine", folder).digest())
    (folder / "z.PNG").rename(folder / "y.PNG")
    digests.append(open_source("mine", folder).digest())
    (folder / "x.png").write_bytes(png(4))
    digests.append(open_source("mine", folder).digest())
    assert len(set(digests)) == 4


def test_hashing_goes_through_the_function_that_was_given(folder: Path) -> None:
    asked: list[str] = []

    def remembering(path: FilePath) -> str:
        asked.append(os.fspath(path))
        return "remembered"

    entries = open_source("mine", folder, hash_file=remembering).entries()
    assert {entry.version for entry in entries} == {"remembered"}
    assert asked == [str(folder / "b/ü.png"), str(folder / "z.PNG")]


def test_a_file_that_changes_after_it_was_listed_is_not_taken_for_the_one_listed(
    folder: Path, png: Callable[[int], bytes]
) -> None:
    source = open_source("mine", folder)
    gone, changed = source.entries()
    (folder / "z.PNG").write_bytes(png(9))
    (folder / "b" / "ü.png").unlink()
    for entry in (gone, changed):
        with pytest.raises(SourceError, match="changed while it was being read: run again"):
            list(source.read([entry]))


def test_a_disk_that_fails_is_an_error_and_nobodys_quarantine() -> None:
    broken = FolderSource("mine", Path("/proc/self"), "", lambda _: "known")
    with pytest.raises(SourceError, match=r"mem cannot be read now \(Input/output error\): run again"):
        list(broken.read([Entry("mem", 0, "known")]))  # a regular file of which no byte can be read at its beginning


def test_links_are_read_inside_the_folder_and_refused_outside(folder: Path, png: Callable[[int], bytes]) -> None:
    (folder.parent / "outside.png").write_bytes(png(5))
    (folder / "out.png").symlink_to(folder.parent / "outside.png")
    (folder / "in.png").symlink_to(folder / "z.PNG")
    (folder / "loop.png").symlink_to(folder / "loop.png")
    (folder / "nothing.png").symlink_to(folder / "nowhere.png")
    (folder / "linked").symlink_to(folder / "b")
    os.mkfifo(folder / "pipe.png")
    assert _reasons(open_source("mine", folder)) == {
        "b/ü.png": None,
        "in.png": None,
        "linked": Reason.unsupported,
        "loop.png": Reason.unreadable,
        "nothing.png": Reason.unreadable,
        "out.png": Reason.path_escape,
        "pipe.png": Reason.unreadable,
        "z.PNG": None,
    }


def test_a_name_that_is_not_utf8_is_quarantined_under_a_name_that_is(
    tmp_path: Path, png: Callable[[int], bytes]
) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png")).write_bytes(png(1))
    assert _reasons(open_source("mine", tmp_path)) == {"caf\\xe9.png": Reason.unreadable}


def test_what_is_left_out_is_counted_by_suffix(folder: Path) -> None:
    for name in ("0001", "logo.ppm", "b/logo.tga", "b/more.ppm", "logos.zip", "icons.pkl", "z.json"):
        (folder / name).write_bytes(b"x")
    source = open_source("mine", folder)
    assert len(source.entries()) == 2
    assert source.ignored() == {"no suffix": 1, ".ppm": 2, ".tga": 1, ".zip": 1, ".pkl": 1, ".txt": 1, ".json": 1}


def test_an_unpacked_dataset_zip_keeps_the_labels_of_its_dataset_json(
    tmp_path: Path, png: Callable[[int], bytes]
) -> None:
    (tmp_path / "00000").mkdir()
    for number in range(3):
        (tmp_path / "00000" / f"{number}.png").write_bytes(png(number))
    labels = {"labels": [["00000/0.png", 5], ["00000/2.png", 6]]}
    (tmp_path / "dataset.json").write_text(json.dumps(labels))
    source = open_source("mine", tmp_path)
    entries, digest = source.entries(), source.digest()
    assert [(raw.data, raw.labels) for raw in source.read(entries)] == [
        (png(0), {"label": 5}),
        (png(1), {}),
        (png(2), {"label": 6}),
    ]
    labels["labels"][1][1] = 7
    (tmp_path / "dataset.json").write_text(json.dumps(labels))
    after = open_source("mine", tmp_path)
    assert {entry.name for entry in set(after.entries()) - set(entries)} == {"00000/2.png"}
    assert after.digest() != digest
    both = open_source("mine", tmp_path, labels="folders")
    assert [raw.labels for raw in both.read(both.entries())][2] == {"label": 7, "folder": 0}


def test_a_folder_that_is_a_link_itself_is_read(folder: Path) -> None:
    link = folder.parent / "link"
    link.symlink_to(folder)
    assert open_source("mine", link).digest() == open_source("mine", folder).digest()


def test_an_empty_folder_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "zips").mkdir()
    (tmp_path / "zips" / "a.zip").touch()
    with pytest.raises(SourceError, match=r"files that may hold some: read these, by the pattern .*/zips/\*\.zip\."):
        open_source("mine", tmp_path / "zips").entries()
    (tmp_path / "zips" / "a.zip").unlink()
    with pytest.raises(SourceError, match="holds no images: give one with"):
        open_source("mine", tmp_path).entries()


def test_a_closed_folder_is_an_error_with_a_remedy(
    open_folder: Path, png: Callable[[int], bytes], ordinary_user: Callable[[], AbstractContextManager[None]]
) -> None:
    closed = open_folder / "closed"
    closed.mkdir(mode=0o000)
    with ordinary_user(), pytest.raises(SourceError, match=r"closed may not be read by this user: allow it \(chmod\)"):
        open_source("mine", closed)
    (open_folder / "a.png").write_bytes(png(1))
    with ordinary_user(), pytest.raises(SourceError, match=r"closed may not be read by this user: allow it \(chmod\)"):
        open_source("mine", open_folder).entries()


def test_a_closed_file_is_quarantined_until_it_is_opened(
    open_folder: Path, png: Callable[[int], bytes], ordinary_user: Callable[[], AbstractContextManager[None]]
) -> None:
    (open_folder / "closed.png").write_bytes(png(1))
    (open_folder / "closed.png").chmod(0o000)
    with ordinary_user():
        source = open_source("mine", open_folder)
        before = source.entries()
        assert _reasons(source) == {"closed.png": Reason.unreadable}
    (open_folder / "closed.png").chmod(0o644)
    with ordinary_user():
        source = open_source("mine", open_folder)
        assert _reasons(source) == {"closed.png": None}
    assert source.entries() != before
