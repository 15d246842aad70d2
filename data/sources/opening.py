"""A path becomes the source that reads it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from data.sources.source import HashFile, Source, SourceError, hash_file

Kind = Literal["folder", "zip", "parquet", "lld"]

_MAGIC: tuple[tuple[bytes, Kind], ...] = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"PAR1", "parquet"),
    (b"\x89HDF", "lld"),
)
_SUFFIX: dict[str, Kind] = {".zip": "zip", ".parquet": "parquet", ".hdf5": "lld", ".h5": "lld"}
_PICKLE_SUFFIXES = (".pkl", ".pickle", ".p")


def open_source(
    name: str,
    path: str | Path,
    kind: Kind | None = None,
    licence: str = "",
    hash_file: HashFile = hash_file,
) -> Source:
    """Open a collection of images.

    Args:
        name: what origins call it.
        path: folder, zip file, Parquet file or folder of them, or LLD's HDF5 file.
        kind: how to read it; None = told from its first bytes, then from its suffix.
        licence: of images that state none.
        hash_file: sha256 of a file; a store passes one that remembers files it has seen.

    Raises:
        SourceError: nothing can be read there; one sentence with the remedy.
    """
    path = Path(path)
    _check_readable(path)
    kind = kind or (_folder_kind(path) if path.is_dir() else _file_kind(path))
    if path.is_dir() and kind not in ("folder", "parquet"):
        raise SourceError(f"{path} is a folder, but the source {name} is read as {kind}: give the file in it.")
    if kind == "folder" and not path.is_dir():
        raise SourceError(f"{path} is a file, but the source {name} is read as a folder: give the folder around it.")
    return _reader(kind)(name, path, licence, hash_file)


def _reader(kind: Kind) -> Callable[[str, Path, str, HashFile], Source]:
    """The class that reads a kind; imported when used, since pyarrow and h5py take long to load."""
    if kind == "folder":
        from data.sources.folder import FolderSource

        return FolderSource
    if kind == "zip":
        from data.sources.archive import ZipSource

        return ZipSource
    if kind == "parquet":
        from data.sources.parquet import ParquetSource

        return ParquetSource
    from data.sources.lld import LldSource

    return LldSource


def _check_readable(path: Path) -> None:
    """Say in a sentence that a path is missing or closed to this user."""
    try:
        path.stat()
    except FileNotFoundError as error:
        raise SourceError(f"{path} does not exist: check the path of the source.") from error
    except OSError as error:
        raise SourceError(
            f"{path} cannot be reached ({error.strerror}): check the path and its permissions."
        ) from error
    if not os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0)):
        raise SourceError(f"{path} may not be read by this user: allow it (chmod), or leave the source out.")


def _folder_kind(path: Path) -> Kind:
    """A folder of Parquet files is one table; any other folder holds image files."""
    in_datasets_layout = any(path.glob("*.parquet")) or any(path.glob("data/*.parquet"))
    return "parquet" if in_datasets_layout else "folder"


def _file_kind(path: Path) -> Kind:
    """Tell a file's kind from its first bytes, then from its suffix."""
    if path.suffix.lower() in _PICKLE_SUFFIXES:
        raise SourceError(
            f"{path} is a Python pickle, which can run code when it is read: use LLD's HDF5 file instead."
        )
    with path.open("rb") as file:
        head = file.read(8)
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if path.suffix.lower() in _SUFFIX:
        return _SUFFIX[path.suffix.lower()]
    raise SourceError(f"{path} is no source that is read: give a folder, a zip, Parquet, or LLD's HDF5 file.")
