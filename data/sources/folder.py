"""A folder of image files, with its sub-folders."""

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import IO

from data.limits import MAX_ENCODED_BYTES, Reason, Rejected
from data.sources.names import (
    CONTAINERS,
    has_image_suffix,
    ignored_as,
    is_hidden,
    is_pickle,
    pickles_are_refused,
)
from data.sources.retry import LOCAL_ATTEMPTS, is_passing, retry
from data.sources.sidecars import DATASET, Sidecars
from data.sources.source import (
    Entry,
    FilePath,
    HashFile,
    NoImages,
    RawImage,
    SourceError,
    cannot_be_read,
    hash_lines,
)

_NOT_UTF8 = Rejected(Reason.unreadable, "its name is not UTF-8: rename it")


class FolderSource:
    """Image files below a folder, and their labels from dataset.json; links are followed only to files inside it.

    What is wrong with a file has a version as its bytes have, and what reading finds must have the version that was
    listed: a disk that fails for a moment and a file that changed are errors, and in nobody's quarantine.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        licence: str,
        hash_file: HashFile,
        only: Callable[[str], bool] | None = None,
    ) -> None:
        """Read a folder, or only those of its images whose relative path is wanted."""
        self.name = name
        self.licence = licence
        self._root = Path(path)
        self._hash_file = hash_file
        self._only = only
        self._entries: list[Entry] | None = None
        self._ignored = Counter[str]()

    def digest(self) -> str:
        """Identity of all names and versions."""
        return hash_lines([part for entry in self.entries() for part in (entry.name, entry.version)])

    def entries(self) -> list[Entry]:
        """One entry per image file, sorted by relative path; listed and hashed once per object."""
        if self._entries is None:
            sidecars = Sidecars()
            found = sorted(self._walk(sidecars), key=itemgetter(0))
            if not found:
                if self._only is not None:
                    raise NoImages(f"The pattern of the source {self.name} matches nothing: check the pattern.")
                raise NoImages(why_empty(str(self._root), self._ignored))
            self._entries = [self._entry(path, file, sidecars) for path, file in found]
            self._ignored += sidecars.unread
        return self._entries

    def ignored(self) -> Counter[str]:
        """Files that are no images by their names, and labels that are no classes."""
        self.entries()
        return self._ignored

    def read(self, entries: Sequence[Entry]) -> Iterator[RawImage]:
        """Read files one after the other."""
        for entry in entries:
            found = self._read_file(entry)
            if isinstance(found, bytes):
                yield RawImage(entry, data=found, labels=dict(entry.labels))
            else:
                yield RawImage(entry, problem=found, labels=dict(entry.labels))

    def _walk(self, sidecars: Sidecars) -> Iterator[tuple[str, os.DirEntry[str]]]:
        """Relative path, with forward slashes, and what the listing says of each image file and linked folder.

        Written for speed, since every plan walks: no path objects, and one stat for each file, here or in its hashing.
        """
        folders = [(str(self._root), "")]
        while folders:
            folder, prefix = folders.pop()
            for file in _listed(folder):
                if is_hidden(file.name):
                    continue
                name = prefix + file.name
                if file.is_dir(follow_symlinks=False):
                    folders.append((file.path, f"{name}/"))
                elif has_image_suffix(file.name) or (file.is_symlink() and _is_folder(file)):
                    if self._only is None or self._only(name):
                        yield name, file
                elif file.name == DATASET and file.is_file(follow_symlinks=False):
                    sidecars.look_at(name, name, file.stat().st_size, partial(_open, file.path))
                else:
                    self._ignored[ignored_as(file.name)] += 1

    def _entry(self, path: str, file: os.DirEntry[str], sidecars: Sidecars) -> Entry:
        """A file, whose version is its sha256 with its labels, or stands for its problem."""
        name = _as_utf8(path)
        try:
            found = retry(lambda: self._hash(file), is_passing, LOCAL_ATTEMPTS) if name == path else _NOT_UTF8
        except OSError as error:
            raise cannot_be_read(file.path, error) from error
        version, size = (_stand_in(found), 0) if isinstance(found, Rejected) else (found, file.stat().st_size)
        labels = sidecars.labels(name)
        if labels:
            version = "@".join([version, *(str(value) for _, value in labels)])
        return Entry(name, 0, version, labels, size)

    def _hash(self, file: os.DirEntry[str]) -> str | Rejected:
        """The sha256 of a file, or why it is not read."""
        try:
            return self._problem(file) or self._hash_file(file)
        except OSError as error:
            return _refusal(error, file)

    def _read_file(self, entry: Entry) -> bytes | Rejected:
        """Bytes of a file, which must still be those that were listed."""
        listed, path = entry.version.partition("@")[0], self._root / entry.name
        if listed == _stand_in(_NOT_UTF8):
            return _NOT_UTF8
        try:
            found = retry(partial(self._content, path), is_passing, LOCAL_ATTEMPTS)
        except OSError as error:
            raise cannot_be_read(path, error) from error
        if listed != (_stand_in(found) if isinstance(found, Rejected) else hashlib.sha256(found).hexdigest()):
            raise SourceError(f"{path} changed while it was being read: run again, what was done until then is kept.")
        return found

    def _content(self, path: Path) -> bytes | Rejected:
        """The bytes of a file, or why it is not read."""
        try:
            return self._problem(path) or path.read_bytes()
        except OSError as error:
            return _refusal(error, path)

    def _problem(self, file: FilePath) -> Rejected | None:
        """What is wrong with a link that leads elsewhere, with no regular file, and with what no memory could hold."""
        status = file.stat()  # before resolve(), which loops of links make raise other things than OSError
        if stat.S_ISDIR(status.st_mode):
            return Rejected(Reason.unsupported, "a link to a folder, which is not followed: make it a source")
        if file.is_symlink() and not Path(file).resolve().is_relative_to(self._root.resolve()):
            return Rejected(Reason.path_escape, "a link that leaves the folder: copy the file into it")
        if not stat.S_ISREG(status.st_mode):
            return Rejected(Reason.unreadable, "not a regular file")
        if status.st_size > MAX_ENCODED_BYTES:
            return Rejected(Reason.bomb, f"{status.st_size} bytes, more than {MAX_ENCODED_BYTES}")
        return None


def why_empty(place: str, ignored: Counter[str]) -> str:
    """What to do with a folder or prefix that holds no images but perhaps other things."""
    if any(map(is_pickle, ignored)):
        return pickles_are_refused(place)
    if ".parquet" in ignored:
        return f"{place} holds no images but Parquet files: read it as kind: parquet."
    if containers := [suffix for suffix, _ in ignored.most_common() if suffix in CONTAINERS]:
        pattern = f"{place.rstrip('/')}/*{containers[0]}"
        return f"{place} holds no images but files that may hold some: read these, by the pattern {pattern}."
    return f"{place} holds no images: give one with PNG, JPEG, WebP or similar files."


def _as_utf8(path: str) -> str:
    """A path as tables can hold it."""
    return path if path.isascii() else os.fsencode(path).decode("utf-8", "backslashreplace")


def _stand_in(problem: Rejected) -> str:
    """The version of a file that has a problem in place of bytes."""
    return hash_lines(["unreadable", str(problem)])


def _refusal(error: OSError, file: FilePath) -> Rejected:
    """Why a file is not read that the system refuses; an error that may pass is raised again."""
    if is_passing(error):
        raise error
    if isinstance(error, FileNotFoundError):
        return Rejected(Reason.unreadable, "a link to nothing" if file.is_symlink() else "not there any more")
    if isinstance(error, PermissionError):
        return Rejected(Reason.unreadable, "no permission to read it")
    return Rejected(Reason.unreadable, f"cannot be read: {error.strerror}")


def _listed(folder: str) -> list[os.DirEntry[str]]:
    """What a folder holds."""
    try:
        with os.scandir(folder) as found:
            return list(found)
    except PermissionError as error:
        raise SourceError(f"{folder} may not be read by this user: allow it (chmod), or leave it out.") from error
    except OSError as error:
        raise SourceError(f"{folder} cannot be listed: {error.strerror}; check the path.") from error


def _open(path: str) -> IO[bytes]:
    return Path(path).open("rb")


def _is_folder(link: os.DirEntry[str]) -> bool:
    """Whether a link leads to a folder; those are not followed."""
    try:
        return link.is_dir()
    except OSError:  # a loop
        return False
