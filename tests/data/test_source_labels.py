"""Labels by folder: classes in sorted order over all entries, for sources of any kind, and never stale."""

import zipfile
from collections.abc import Callable
from pathlib import Path

from data.sources import Entry, Source, open_source


def write(folder: Path, content: dict[str, bytes]) -> None:
    for name, data in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def labels(source: Source) -> dict[str, dict[str, int]]:
    return {raw.entry.name: raw.labels for raw in source.read(source.entries())}


def test_images_are_labelled_by_their_first_folder_and_numbered_in_sorted_order(
    tmp_path: Path, png: Callable[[int], bytes]
) -> None:
    write(tmp_path, {"b/2.png": png(1), "a/x/1.png": png(2), "c/3.png": png(3), "0.png": png(4), "d/readme.txt": b"x"})
    assert labels(open_source("mine", tmp_path, labels="folders")) == {
        "0.png": {},
        "a/x/1.png": {"folder": 0},
        "b/2.png": {"folder": 1},
        "c/3.png": {"folder": 2},
    }
    assert set(map(str, labels(open_source("mine", tmp_path)).values())) == {"{}"}


def test_a_class_that_comes_in_between_gives_new_versions_to_all_whose_number_it_changes(
    tmp_path: Path, png: Callable[[int], bytes]
) -> None:
    write(tmp_path, {"a/1.png": png(1), "c/2.png": png(2), "c/3.png": png(3), "0.png": png(4)})
    before = open_source("mine", tmp_path, labels="folders")
    entries = before.entries()
    write(tmp_path, {"b/4.png": png(5)})
    after = open_source("mine", tmp_path, labels="folders")
    assert after.digest() != before.digest()
    unchanged = set(entries) & set(after.entries())
    assert {entry.name for entry in unchanged} == {"0.png", "a/1.png"}
    assert [dict(entry.labels) for entry in after.entries() if entry.name.startswith("c/")] == [{"folder": 2}] * 2


def test_a_block_is_labelled_without_listing_the_folder_again(tmp_path: Path, png: Callable[[int], bytes]) -> None:
    write(tmp_path, {f"{number}/1.png": png(number) for number in range(5)})
    block: list[Entry] = open_source("mine", tmp_path, labels="folders").entries()[3:]
    (tmp_path / "0" / "1.png").unlink()
    (tmp_path / "0").rmdir()
    raws = list(open_source("mine", tmp_path, labels="folders").read(block))
    assert [(raw.entry, raw.data, raw.labels) for raw in raws] == [
        (block[0], png(3), {"folder": 3}),
        (block[1], png(4), {"folder": 4}),
    ]


def test_folders_within_the_archives_that_a_pattern_matches_count_and_not_the_archives(
    tmp_path: Path, png: Callable[[int], bytes]
) -> None:
    for part, names in {"a": ("cats/1.png", "0.png"), "b": ("ants/1.png", "cats\\2.png")}.items():
        with zipfile.ZipFile(tmp_path / f"{part}.zip", "w") as archive:
            for seed, name in enumerate(names):
                archive.writestr(name, png(seed))
    assert labels(open_source("mine", f"{tmp_path}/*.zip", labels="folders")) == {
        "a.zip/cats/1.png": {"folder": 1},
        "a.zip/0.png": {},
        "b.zip/ants/1.png": {"folder": 0},
        "b.zip/cats/2.png": {"folder": 1},
    }


def test_folders_of_an_archive_count_beside_the_labels_that_it_holds(
    tmp_path: Path, png: Callable[[int], bytes]
) -> None:
    with zipfile.ZipFile(tmp_path / "logos.zip", "w") as archive:
        archive.writestr("cats/1.png", png(1))
        archive.writestr("ants/1.png", png(2))
        archive.writestr("cats/1.cls", b"9")
    assert labels(open_source("mine", tmp_path / "logos.zip", labels="folders")) == {
        "cats/1.png": {"cls": 9, "folder": 1},
        "ants/1.png": {"folder": 0},
    }
