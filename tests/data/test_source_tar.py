"""Tar files of every packing, WebDataset's samples, StyleGAN's dataset.json, and archives within archives."""

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import data.sources.members
from data.limits import Reason
from data.sources import Source, SourceError, open_source

Members = Sequence[tuple[str, bytes]]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own."""
    monkeypatch.setenv("LOGOFLOW_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def tar(members: Members, mode: Any = "w", **options: Any) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode, **options) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def zipped(members: Members) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def open_bytes(tmp_path: Path, content: bytes, name: str = "logos.bin") -> Source:
    (tmp_path / name).write_bytes(content)
    return open_source("packed", tmp_path / name)


def answers(source: Source) -> dict[str, bytes | str]:
    return {
        raw.entry.name: raw.problem.reason.value if raw.problem is not None else raw.data or b""
        for raw in source.read(source.entries())
    }


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_of_any_packing_gives_its_images_in_any_order(
    tmp_path: Path, png: Callable[[int], bytes], mode: str, format: int
) -> None:
    long = "/".join(["folder" * 8] * 3) if format != tarfile.USTAR_FORMAT else "folder"
    members = [
        ("b.png", png(1)),
        ("readme.txt", b"no image"),
        (f"{long}/é.png", png(2)),
        ("__MACOSX/._a.png", b"resource fork"),
        ("b.png", png(3)),
        ("empty.png", b""),
    ]
    source = open_bytes(tmp_path, tar(members, mode, format=format))
    entries = source.entries()
    assert [(entry.name, entry.position, entry.size) for entry in entries] == [
        (name, position, len(content))
        for position, (name, content) in enumerate(members)
        if name.endswith(".png") and not name.startswith("__")
    ]
    assert len({entry.version for entry in entries}) == 4
    for order in (entries, entries[::-1], entries[2:3]):
        assert [raw.data for raw in source.read(order)] == [members[entry.position][1] for entry in order]


def test_a_compressed_tar_is_unpacked_once_for_all_blocks(
    tmp_path: Path, png: Callable[[int], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = open_bytes(tmp_path, tar([(f"{n}.png", png(n)) for n in range(9)], "w:gz"))
    entries = source.entries()
    unpacked = []
    unpack = data.sources.archive.unpack
    monkeypatch.setattr("data.sources.archive.unpack", lambda *given: (unpacked.append(given), unpack(*given)))
    for block in (entries[6:], entries[:3], entries[3:6]):
        raws = list(open_source("packed", tmp_path / "logos.bin").read(block))
        assert [raw.data for raw in raws] == [png(entry.position) for entry in block]
    assert len(unpacked) == 1


def test_links_devices_and_names_that_leave_the_archive_are_quarantined(
    tmp_path: Path, png: Callable[[int], bytes]
) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, kind in {
            "soft.png": tarfile.SYMTYPE,
            "hard.png": tarfile.LNKTYPE,
            "pipe.png": tarfile.FIFOTYPE,
            "holes.png": tarfile.GNUTYPE_SPARSE,
            "folder.png": tarfile.DIRTYPE,
        }.items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        for name in ("../up.png", "/etc/logo.png", "a/../../up.sh", "fine.png"):
            info = tarfile.TarInfo(name)
            info.size = len(png(1))
            archive.addfile(info, io.BytesIO(png(1)))
    assert answers(open_bytes(tmp_path, buffer.getvalue())) == {
        "soft.png": Reason.path_escape,
        "hard.png": Reason.path_escape,
        "pipe.png": Reason.unreadable,
        "holes.png": Reason.unsupported,
        "../up.png": Reason.path_escape,
        "/etc/logo.png": Reason.path_escape,
        "a/../../up.sh": Reason.path_escape,
        "fine.png": png(1),
    }


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_members_of_a_packed_folder_are_named_without_its_dot(
    tmp_path: Path, png: Callable[[int], bytes], mode: str
) -> None:
    members = [("./a/1.png", png(1)), ("././2.png", png(2)), ("./a/1.cls", b"4"), ("./.git/3.png", png(3))]
    source = open_bytes(tmp_path, tar(members, mode))
    assert answers(source) == {"a/1.png": png(1), "2.png": png(2)}
    assert source.entries()[0].labels == (("cls", 4),)


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_hard_link_is_the_file_that_it_names_and_its_labels_are_read_once(
    tmp_path: Path, png: Callable[[int], bytes], mode: Any
) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in (("./a.png", png(1)), ("a.cls", b"7"), ("in.zip", zipped([("c.png", png(2))]))):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        links = {"b.png": "a.png", "b.cls": "a.cls", "more.zip": "in.zip", "late.png": "d.png", "../up.png": "a.png"}
        for name, target in links.items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.LNKTYPE, target
            archive.addfile(info)
    source = open_bytes(tmp_path, buffer.getvalue())
    assert answers(source) == {
        "a.png": png(1),
        "in.zip/c.png": png(2),
        "b.png": png(1),
        "more.zip/c.png": png(2),
        "late.png": Reason.path_escape,
        "../up.png": Reason.path_escape,
    }
    assert [dict(entry.labels) for entry in source.entries() if entry.name in ("a.png", "b.png")] == [{"cls": 7}] * 2


@pytest.mark.parametrize("keep", [0.2, 0.6, 0.97])
@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_tar_that_was_cut_off_is_an_error_with_a_remedy(
    tmp_path: Path, png: Callable[[int], bytes], mode: str, keep: float
) -> None:
    whole = tar([(f"{n}.png", png(n)) for n in range(9)], mode)
    whole = whole.rstrip(b"\0") if mode == "w" else whole
    with pytest.raises(SourceError, match=r"damaged or not whole .*: copy or download it again"):
        open_bytes(tmp_path, whole[: int(len(whole) * keep) // 512 * 512 + 100]).entries()


def test_garbage_between_members_is_an_error_and_not_the_end(tmp_path: Path, png: Callable[[int], bytes]) -> None:
    first = tar([("a.png", png(1))]).rstrip(b"\0")
    first += bytes(-len(first) % 512)
    with pytest.raises(SourceError, match="damaged or not whole"):
        open_bytes(tmp_path, first + b"garbage!" * 64 + tar([("b.png", png(2))])).entries()


def test_a_header_that_claims_gigabytes_of_name_is_refused_unread(tmp_path: Path) -> None:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 2**32
    with pytest.raises(SourceError, match="a header of 4294967296 bytes"):
        open_bytes(tmp_path, tar([("a.png", b"x")])[:1024] + info.tobuf() + bytes(1024)).entries()


def test_a_compressed_tar_that_unpacks_a_thousandfold_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data.sources.members, "UNPACKED_FREE_BYTES", 10_000)
    bomb = tar([("a.png", bytes(3_000_000)), ("b.png", b"x")], "w:gz")
    with pytest.raises(SourceError, match=r"unpacks to more than \d+ bytes: unpack it, if that is right"):
        open_bytes(tmp_path, bomb).entries()


PACKERS: dict[str, Callable[[Members], bytes]] = {
    "zip": zipped,
    "tar": tar,
    "tar.gz": lambda members: gzip.compress(tar(members)),
    "tar.bz2": lambda members: bz2.compress(tar(members)),
    "tar.xz": lambda members: lzma.compress(tar(members)),
}


@pytest.mark.parametrize("inside", PACKERS)
@pytest.mark.parametrize("outside", ["zip", "tar", "tar.gz"])
def test_an_archive_within_an_archive_is_read_as_if_it_were_a_folder(
    tmp_path: Path, png: Callable[[int], bytes], outside: str, inside: str
) -> None:
    inner = [PACKERS[inside]([(f"{n}.png", png(10 * part + n)) for n in range(3)]) for part in range(2)]
    members = [("a.png", png(98)), (f"x/0.{inside}", inner[0]), (f"1.{inside}", inner[1]), ("z.png", png(99))]
    source = open_bytes(tmp_path, PACKERS[outside](members))
    expected = {
        "a.png": png(98),
        **{f"x/0.{inside}/{n}.png": png(n) for n in range(3)},
        **{f"1.{inside}/{n}.png": png(10 + n) for n in range(3)},
        "z.png": png(99),
    }
    entries = source.entries()
    assert [entry.name for entry in entries] == list(expected)
    assert [entry.position for entry in entries] == list(range(8))
    assert answers(source) == expected
    assert [raw.data for raw in source.read(entries[::-1])] == list(expected.values())[::-1]


def test_an_archive_two_levels_down_a_damaged_one_and_one_that_escapes_cost_only_themselves(
    tmp_path: Path, png: Callable[[int], bytes]
) -> None:
    deepest = zipped([("deep.png", png(1))])
    members = [
        ("inner.zip", zipped([("deepest.zip", deepest), ("../out.png", png(2)), ("in.png", png(3))])),
        ("cut.tar", tar([("a.png", png(4)), ("b.png", png(5))])[:1000]),
        ("cut.zip", zipped([("a.png", png(4))])[:-30]),
        ("text.tar.gz", b"not packed"),
        ("../up.zip", zipped([("a.png", png(6))])),
        ("fine.png", png(7)),
    ]
    assert answers(open_bytes(tmp_path, tar(members))) == {
        "inner.zip/deepest.zip": Reason.unsupported,
        "inner.zip/../out.png": Reason.path_escape,
        "inner.zip/in.png": png(3),
        "cut.tar": Reason.unreadable,
        "cut.zip": Reason.unreadable,
        "text.tar.gz": Reason.unreadable,
        "../up.zip": Reason.path_escape,
        "fine.png": png(7),
    }


def test_archives_within_that_together_unpack_a_thousandfold_are_bombs(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, png: Callable[[int], bytes]
) -> None:
    monkeypatch.setattr(data.sources.members, "UNPACKED_FREE_BYTES", 150_000)
    monkeypatch.setattr(data.sources.members, "UNPACKED_RATIO", 0)
    zeros = tar([("zeros.png", bytes(90_000))])
    members = [("a.png", png(1)), ("0.tar", zeros), ("1.tar", zeros), ("2.tar.gz", gzip.compress(zeros))]
    members += [("3.zip", zipped([("zeros.png", bytes(10**7))]))]  # small itself, and its member fits an image
    assert answers(open_bytes(tmp_path, zipped(members))) == {
        "a.png": png(1),
        "0.tar/zeros.png": bytes(90_000),
        "1.tar": Reason.bomb,
        "2.tar.gz": Reason.bomb,
        "3.zip/zeros.png": bytes(10**7),
    }
    assert sum(path.stat().st_size for path in cache.rglob("*") if path.is_file()) < 400_000


def test_samples_of_webdataset_take_their_labels_from_beside_them(tmp_path: Path, png: Callable[[int], bytes]) -> None:
    members = [
        ("0/a.cls", b"7\n"),
        ("0/a.png", png(1)),
        ("0/a.txt", b"a caption"),
        ("0/b.png", png(2)),
        ("0/b.json", json.dumps({"label": 3, "width": 24, "labels": {"colour": 5, "name": "x", "ok": True}}).encode()),
        ("1/a.jpg", png(3)),
        ("1/a.cls", b"cat"),
        ("1/c.seg.png", png(4)),
        ("1/c.png", png(5)),
        ("1/c.cls", b"-2"),
        ("1/d.png", png(6)),
        ("1/d.json", b"[1, 2"),
        ("1/e.png", png(7)),
        ("1/e.json", b'{"label": 18446744073709551616}'),
    ]
    source = open_bytes(tmp_path, tar(members))
    labels = {raw.entry.name: raw.labels for raw in source.read(source.entries())}
    assert labels == {
        "0/a.png": {"cls": 7},
        "0/b.png": {"colour": 5, "label": 3},
        "1/a.jpg": {},
        "1/c.seg.png": {"cls": -2},
        "1/c.png": {"cls": -2},
        "1/d.png": {},
        "1/e.png": {},
    }


@pytest.mark.parametrize("pack", [tar, zipped])
@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([["00000/img00000000.png", 3], ["00000/img00000001.png", 0]], [{"label": 3}, {"label": 0}]),
        ([["00000/img00000001.png", 4]], [{}, {"label": 4}]),
        ([["00000/img00000000.png", [0.0, 1.0]], ["00000/img00000001.png", [1, 0]]], [{}, {}]),
        (None, [{}, {}]),
        ([], [{}, {}]),
        ("garbage", [{}, {}]),
    ],
)
def test_dataset_json_of_stylegan_gives_the_label(
    tmp_path: Path, png: Callable[[int], bytes], pack: Callable[[Members], bytes], labels: Any, expected: Any
) -> None:
    members = [(f"00000/img0000000{n}.png", png(n)) for n in range(2)]
    source = open_bytes(tmp_path, pack([*members, ("dataset.json", json.dumps({"labels": labels}).encode())]))
    assert [raw.labels for raw in source.read(source.entries())] == expected


def test_one_bad_pair_of_a_dataset_json_costs_itself_only(tmp_path: Path, png: Callable[[int], bytes]) -> None:
    pairs = [["a.png", 1], ["b.png"], ["c.png", "cat"], ["d.png", 4.0], ["e.png", None], ["f.png", [1.0, 0.0]], "g"]
    given = zipped(
        [*((f"{name}.png", png(1)) for name in "abcdef"), ("dataset.json", json.dumps({"labels": pairs}).encode())]
    )
    source = open_bytes(tmp_path, given)
    assert {entry.name: dict(entry.labels) for entry in source.entries() if entry.labels} == {
        "a.png": {"label": 1},
        "d.png": {"label": 4},
    }
    assert source.ignored() == {"pairs in dataset.json that are no name and class": 3}


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=5),
    st.sampled_from(["w", "w:gz", "w:bz2", "w:xz"]),
)
def test_a_damaged_tar_is_an_error_or_gives_every_entry_an_answer(edits: list[tuple[float, int]], mode: str) -> None:
    members = [("a.png", b"0123456789" * 9), ("in.zip", zipped([("b.png", b"12")])), ("c.cls", b"1"), ("c.png", b"3")]
    packed = bytearray(tar(members, mode))
    for place, value in edits:
        packed[int(place * len(packed))] = value
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOGOFLOW_CACHE", folder)
        path = Path(folder) / "damaged.tar"
        path.write_bytes(packed)
        try:
            source = open_source("packed", path, "tar")
            entries = source.entries()
            found = list(source.read(entries))
        except SourceError:
            return
    assert [answer.entry for answer in found] == entries
