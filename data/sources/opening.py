"""A path becomes the source that reads it."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

from data.sources.labels import FolderLabels
from data.sources.names import (
    CONTAINERS,
    has_image_suffix,
    ignored_as,
    is_image_name,
    is_pickle,
    pickles_are_refused,
)
from data.sources.places import expand, is_pattern, is_remote, matches, split_pattern
from data.sources.several import SeveralSources
from data.sources.source import HashFile, Source, SourceError, cannot_be_read, hash_file

Kind = Literal["folder", "zip", "tar", "parquet", "lld"]
Labels = Literal["folders"]

_MAGIC: tuple[tuple[int, bytes, Kind], ...] = (
    (0, b"PK\x03\x04", "zip"),
    (0, b"PK\x05\x06", "zip"),
    (0, b"PAR1", "parquet"),
    (0, b"\x89HDF", "lld"),
    (257, b"ustar", "tar"),
    (0, b"\x1f\x8b", "tar"),
    (0, b"BZh", "tar"),
    (0, b"\xfd7zXZ\x00", "tar"),
)
_SUFFIX: dict[str, Kind] = {
    ".zip": "zip",
    ".tar": "tar",
    ".tgz": "tar",
    ".parquet": "parquet",
    ".hdf5": "lld",
    ".h5": "lld",
}
_READ = "a folder, a zip or tar file, Parquet, or LLD's HDF5 file"


def open_source(
    name: str,
    path: str | Path,
    kind: Kind | None = None,
    licence: str = "",
    hash_file: HashFile = hash_file,
    labels: Labels | None = None,
) -> Source:
    """Open a collection of images.

    Args:
        name: what origins call it.
        path: folder, zip or tar file, Parquet file or folder of them, or LLD's HDF5 file; a pattern that matches
            several of one kind, or images; or s3://bucket/prefix, where any of these lies.
        kind: how to read it; None = told from its first bytes, then from its suffix.
        licence: of images that state none.
        hash_file: sha256 of a file; a store passes one that remembers files it has seen.
        labels: "folders" labels each image by the first folder in its name, below the archive where there are several.

    Raises:
        SourceError: nothing can be read there; one sentence with the remedy.
    """
    if is_remote(str(path)):
        from data.sources.remote import RemoteSource

        source: Source = RemoteSource(name, str(path), kind, licence, hash_file)
    elif is_pattern(str(path)):
        source = open_pattern(name, str(path), kind, licence, hash_file)
    else:
        source = open_local(name, Path(path), kind, licence, hash_file)
    return FolderLabels(source) if labels == "folders" else source


def open_local(name: str, path: Path, kind: Kind | None, licence: str, hash_file: HashFile) -> Source:
    """Open one path of this machine."""
    _check_readable(path)
    _refuse_pickle(path)
    kind = kind or kind_of(path)
    if path.is_dir() and kind not in ("folder", "parquet"):
        raise SourceError(f"{path} is a folder, but the source {name} is read as {kind}: give the file in it.")
    if kind == "folder" and not path.is_dir():
        raise SourceError(f"{path} is a file, but the source {name} is read as a folder: give the folder around it.")
    try:
        return _reader(kind)(name, path, licence, hash_file)
    except OSError as error:  # while it was hashed; what a reader meets is a SourceError already
        raise cannot_be_read(path, error) from error


def open_pattern(name: str, pattern: str, kind: Kind | None, licence: str, hash_file: HashFile) -> Source:
    """Open what a pattern matches: images of a folder, or several containers of one kind."""
    from data.sources.folder import FolderSource

    if parts := parts_of(pattern, kind):
        kinds = {kind or kind_of(path) for path in parts.values()}
        opening = {part: partial(open_local, name, path, kind, licence, hash_file) for part, path in parts.items()}
        return SeveralSources(name, licence, opening, are_files=kinds != {"folder"})
    root, rest = split_pattern(pattern)
    return FolderSource(name, Path(root), licence, hash_file, only=partial(matches, pattern=rest))


def parts_of(pattern: str, kind: Kind | None) -> dict[str, Path]:
    """The containers that a pattern matches, by name, which must be of one kind; none where it matches images.

    Raises:
        SourceError: it matches nothing, or a mixture.
    """
    if has_image_suffix(pattern):  # which spares a walk
        return {}
    matched = expand(pattern)
    images = [part for part, path in matched.items() if has_image_suffix(part) and path.is_file()]
    parts = {part: path for part, path in matched.items() if path.is_dir() or ignored_as(part) in CONTAINERS}
    if images and parts:
        raise SourceError(
            f"{pattern} matches both images, such as {images[0]}, and {next(iter(parts))}: make each kind a source of "
            "its own."
        )
    if images:
        return {}
    kinds = {kind or kind_of(path): part for part, path in matched.items()}
    if len(kinds) > 1:
        found = ", ".join(f"{part} ({found})" for found, part in sorted(kinds.items()))
        raise SourceError(f"{pattern} matches sources of several kinds, {found}: make each kind a source of its own.")
    return matched


def kind_of(path: Path) -> Kind:
    """Tell how to read a path of this machine."""
    _check_readable(path)
    _refuse_pickle(path)
    return _folder_kind(path) if path.is_dir() else _file_kind(path)


def _reader(kind: Kind) -> Callable[[str, Path, str, HashFile], Source]:
    """The class that reads a kind; imported when used, since pyarrow and h5py take long to load."""
    if kind == "folder":
        from data.sources.folder import FolderSource

        return FolderSource
    if kind in ("zip", "tar"):
        from data.sources.archive import ArchiveSource

        return ArchiveSource
    if kind == "parquet":
        from data.sources.parquet import ParquetSource

        return ParquetSource
    from data.sources.lld import LldSource

    return LldSource


def _refuse_pickle(path: Path) -> None:
    """Say why a file that is one by its name is not read, whatever it is said to be."""
    if is_pickle(path.name) and not path.is_dir():
        raise SourceError(pickles_are_refused(path))


def _check_readable(path: Path) -> None:
    """Say in a sentence that a path is missing or closed to this user."""
    try:
        path.stat()
    except FileNotFoundError as error:
        if path.is_symlink():
            raise SourceError(f"{path} is a link to nothing: mend the link, or give the path itself.") from error
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
    if not in_datasets_layout:
        return "folder"
    names = (name for _, _, files in os.walk(path) for name in files)
    if image := next((name for name in names if is_image_name(name)), None):
        raise SourceError(
            f"{path} holds both Parquet files and images, such as {image}: say kind: folder to read the images, or "
            "kind: parquet to read the tables."
        )
    return "parquet"


def _file_kind(path: Path) -> Kind:
    """Tell a file's kind from its first bytes, then from its suffix."""
    with path.open("rb") as file:
        head = file.read(264)
    for offset, magic, kind in _MAGIC:
        if head.startswith(magic, offset):
            return kind
    if path.suffix.lower() in _SUFFIX:
        return _SUFFIX[path.suffix.lower()]
    raise SourceError(f"{path} is no source that is read: give {_READ}.")
