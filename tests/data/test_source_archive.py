"""Zip files: members read in place, unsafe ones turned away, damage told from trouble with one member."""

import hashlib
import stat
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import data.sources.archive
from data.limits import Reason
from data.sources import Source, SourceError, open_source


def _reasons(source: Source) -> dict[str, str | None]:
    return {raw.entry.name: raw.problem and raw.problem.reason.value for raw in source.read(source.entries())}


def test_members_are_offered_in_the_order_of_the_archive(tmp_path: Path, png: Callable[[int], bytes]) -> None:
    path = tmp_path / "logos.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "no image")
        archive.writestr("z/é.png", png(1))
        archive.mkdir("folder.png")
        archive.writestr("a.png", png(2))
        archive.writestr("__MACOSX/._a.png", "resource fork")
    source = open_source("zipped", path)
    entries = source.entries()
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert source.digest() == sha256
    assert [(entry.name, entry.position) for entry in entries] == [("z/é.png", 1), ("a.png", 3)]
    assert [entry.version for entry in entries] == [f"{sha256}:1", f"{sha256}:3"]
    assert [raw.data for raw in source.read(entries[::-1])] == [png(2), png(1)]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_two_images(tmp_path: Path, png: Callable[[int], bytes]) -> None:
    with zipfile.ZipFile(tmp_path / "logos.zip", "w") as archive:
        archive.writestr("a.png", png(1))
        archive.writestr("a.png", png(2))
    source = open_source("zipped", tmp_path / "logos.zip")
    assert [raw.data for raw in source.read(source.entries())] == [png(1), png(2)]


@pytest.mark.parametrize(
    "name",
    ["../up.png", "a/../../up.png", "/etc/logo.png", "C:\\logo.png", "..\\up.png", "\\\\host\\logo.png", "../x.sh"],
)
def test_a_member_that_would_leave_the_archive_is_quarantined(
    tmp_path: Path, png: Callable[[int], bytes], name: str
) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("good..png", png(1))
        archive.writestr(name, png(2))
    assert list(_reasons(open_source("zipped", tmp_path / "evil.zip")).values()) == [None, Reason.path_escape]


def test_names_are_read_as_their_writers_meant_them(tmp_path: Path, png: Callable[[int], bytes]) -> None:
    named = {"./a.png": "a.png", "./x/./b.png": "x/b.png", "cats\\1.png": "cats/1.png", "b:logo.png": "b:logo.png"}
    with zipfile.ZipFile(tmp_path / "logos.zip", "w") as archive:
        for seed, name in enumerate(named):
            archive.writestr(name, png(seed))
        archive.writestr("./.hidden.png", png(9))
        archive.writestr("./__MACOSX/._a.png", png(9))
    source = open_source("zipped", tmp_path / "logos.zip")
    assert [(raw.entry.name, raw.data) for raw in source.read(source.entries())] == [
        (name, png(seed)) for seed, name in enumerate(named.values())
    ]


def test_what_is_left_out_is_counted_by_suffix(tmp_path: Path, png: Callable[[int], bytes]) -> None:
    with zipfile.ZipFile(tmp_path / "logos.zip", "w") as archive:
        names = ("a.png", "a.cls", "0001", "img.12345", "x.ppm", "y.jpg_large", "Y.PPM", "data.pkl", ".hidden", "f/")
        for name in names:
            archive.writestr(name, png(1) if name.endswith("png") else b"7")
    source = open_source("zipped", tmp_path / "logos.zip")
    assert len(source.entries()) == 1
    assert source.ignored() == {"no suffix": 2, ".ppm": 2, ".jpg_large": 1, ".pkl": 1}


def test_a_link_in_the_archive_is_quarantined(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert _reasons(open_source("zipped", tmp_path / "evil.zip")) == {"link.png": Reason.path_escape}


def test_a_member_that_unpacks_without_end_is_a_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data.sources.archive, "MAX_ENCODED_BYTES", 1_000_000)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.png", bytes(1_000_001))
        archive.writestr("large.png", bytes(1_000_000))
    assert _reasons(open_source("zipped", tmp_path / "bomb.zip")) == {"bomb.png": Reason.bomb, "large.png": None}


def test_a_member_with_a_password_is_unsupported(tmp_path: Path, png: Callable[[int], bytes]) -> None:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.png", png(1))
    packed = bytearray(buffer.getvalue())
    packed[6] |= 1  # general purpose flag, in the local header
    packed[packed.index(b"PK\x01\x02") + 8] |= 1  # and in the directory
    (tmp_path / "secret.zip").write_bytes(packed)
    assert _reasons(open_source("zipped", tmp_path / "secret.zip")) == {"a.png": Reason.unsupported}


def test_an_archive_without_images_or_cut_off_is_an_error_with_a_remedy(
    tmp_path: Path, png: Callable[[int], bytes]
) -> None:
    path = tmp_path / "logos.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "nothing")
    with pytest.raises(SourceError, match="holds no images: give an archive of"):
        open_source("zipped", path).entries()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", png(1))
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(SourceError, match=r"damaged or not whole .*: copy or download it again"):
        open_source("zipped", path).entries()


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=5))
def test_a_damaged_archive_is_an_error_or_gives_every_entry_an_answer(edits: list[tuple[float, int]]) -> None:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for packing in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
            archive.writestr(f"{packing}.png", b"0123456789" * 9, packing)
    packed = bytearray(buffer.getvalue())
    for place, value in edits:
        packed[int(place * len(packed))] = value
    with TemporaryDirectory() as folder:
        path = Path(folder) / "damaged.zip"
        path.write_bytes(packed)
        try:
            source = open_source("zipped", path, "zip")
            entries = source.entries()
            answers = list(source.read(entries))
        except SourceError:
            return
    assert [answer.entry for answer in answers] == entries
