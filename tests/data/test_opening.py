"""Opening: the kind is told from the content, and what cannot be opened is one sentence."""

import errno
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.limits import Reason
from data.sources import SourceError, open_source
from data.sources.source import BadContainer, FilePath


def test_the_kind_is_told_from_the_content_whatever_the_suffix(tmp_path: Path, png: Callable[[int], bytes]) -> None:
    with zipfile.ZipFile(tmp_path / "a.bin", "w") as archive:
        archive.writestr("a.png", png(1))
    pq.write_table(pa.table({"image": [png(1)]}), tmp_path / "b.bin")
    with h5py.File(tmp_path / "c.bin", "w") as file:
        file["data"] = np.ones((1, 3, 32, 32), np.uint8)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.png").write_bytes(png(1))
    for name, kind in {"a.bin": "Archive", "b.bin": "Parquet", "c.bin": "Lld", "folder": "Folder"}.items():
        source = open_source("x", tmp_path / name, licence="MIT")
        assert type(source).__name__ == f"{kind}Source"
        assert len(source.entries()) == 1
        assert (source.name, source.licence) == ("x", "MIT")


def test_pickles_are_refused_unread_wherever_they_lie(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "sprung",))

    folder = tmp_path / "LLD-icon"
    (folder / "all").mkdir(parents=True)
    for number in range(5):
        (folder / "all" / f"LLD-icon_data_{number}.pkl").write_bytes(pickle.dumps(Trap()))
    with zipfile.ZipFile(tmp_path / "LLD_favicons_clean.zip", "w") as archive:
        archive.write(folder / "all" / "LLD-icon_data_0.pkl", "LLD_favicon_data_0.pkl")
    for path in (folder, folder / "all" / "LLD-icon_data_0.pkl", tmp_path / "LLD_favicons_clean.zip"):
        with pytest.raises(SourceError, match="can run code when it is read: use LLD's HDF5 file instead") as caught:
            open_source("x", path).entries()
        assert str(caught.value).startswith(f"{path} is or holds Python pickles")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("name", "kind", "sentence"),
    [
        ("missing", None, "does not exist: check the path"),
        ("notes.txt", None, "is no source that is read: give a folder, a zip or tar file, Parquet, or LLD's HDF5 file"),
        ("empty.zip", None, "damaged or not whole"),
        ("empty.hdf5", None, "damaged or not whole"),
        ("empty.parquet", None, "damaged or not whole"),
        ("notes.txt", "folder", "is a file, .* give the folder around it"),
        ("folder", "zip", "is a folder, .* give the file in it"),
        ("*.pkl", None, "can run code when it is read"),
        ("missing", "zip", "does not exist: check the path"),
        ("icons.pkl", "lld", "can run code when it is read"),
        ("link", None, "link is a link to nothing: mend the link"),
        ("mixed", None, "holds both Parquet files and images, such as a.png: say kind: folder"),
    ],
)
def test_what_is_no_source_is_one_sentence(tmp_path: Path, name: str, kind: Any, sentence: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "mixed" / "deep").mkdir(parents=True)
    for file in ("icons.pkl", "mixed/metadata.parquet", "mixed/deep/a.png"):
        (tmp_path / file).touch()
    for suffix in ("zip", "hdf5", "parquet"):
        (tmp_path / f"empty.{suffix}").touch()
    with pytest.raises(SourceError, match=sentence) as caught:
        open_source("x", tmp_path / name, kind).entries()
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("address", ["gs://bucket/logos", "https://host/logos.zip", "S3://bucket/logos"])
def test_addresses_of_another_kind_are_named_as_such(address: str) -> None:
    with pytest.raises(SourceError, match="no address that is read: give a path of this machine, or s3://"):
        open_source("x", address)


def test_images_beside_a_table_are_read_when_asked_for(tmp_path: Path, png: Callable[[int], bytes]) -> None:
    (tmp_path / "a.png").write_bytes(png(1))
    pq.write_table(pa.table({"image": [png(2), png(3)]}), tmp_path / "table.parquet")
    assert [entry.name for entry in open_source("x", tmp_path, "folder").entries()] == ["a.png"]
    assert len(open_source("x", tmp_path, "parquet").entries()) == 2


def test_damage_that_another_process_met_arrives_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "empty.zip").touch()
    with pytest.raises(BadContainer) as caught:
        open_source("x", tmp_path / "empty.zip").entries()
    arrived = pickle.loads(pickle.dumps(caught.value))  # noqa: S301  (as Dask and Ray send it)
    assert (str(arrived), arrived.problem.reason) == (str(caught.value), Reason.unreadable)
    assert str(arrived.problem) == str(caught.value.problem)


def test_a_disk_that_fails_while_a_file_is_hashed_is_one_sentence(tmp_path: Path) -> None:
    def failing(path: FilePath) -> str:
        raise OSError(errno.EIO, "Input/output error", str(path))

    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.png", b"x")
    with pytest.raises(SourceError, match=r"a\.zip cannot be read now \(Input/output error\): run again"):
        open_source("x", tmp_path / "a.zip", hash_file=failing)
