"""A folder of image files, with its sub-folders."""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from data.limits import MAX_ENCODED_BYTES, Reason, Rejected
from data.sources.names import has_image_suffix, is_hidden, is_pickle, pickles_are_refused
from data.sources.source import Entry, HashFile, RawImage, SourceError, hash_lines

_READ_ERRORS = {
    errno.EACCES: "no permission to read it",
    errno.ENOENT: "not there any more, or its name is not UTF-8: rename it",
}


class FolderSource:
    """Image files below a folder; links are followed only where they stay inside it."""

    def __init__(self, name: str, path: Path, licence: str, hash_file: HashFile) -> None:
        self.name = name
        self.licence = licence
        self._root = Path(path)
        self._hash_file = hash_file
        self._entries: list[Entry] | None = None

    def digest(self) -> str:
        """Identity of all names and versions."""
        return hash_lines([part for entry in self.entries() for part in (entry.name, entry.version)])

    def entries(self) -> list[Entry]:
        """One entry per image file, sorted by relative path; listed and hashed once per object."""
        if self._entries is None:
            found = sorted(self._walk(), key=lambda pair: pair[0])
            if not found:
                raise SourceError(self._why_empty())
            self._entries = [self._entry(name, file) for name, file in found]
        return self._entries

    def read(self, entries: Sequence[Entry]) -> Iterator[RawImage]:
        """Read files one after the other."""
        for entry in entries:
            data = self._read_file(entry)
            yield RawImage(entry, data=data) if isinstance(data, bytes) else RawImage(entry, problem=data)

    def _walk(self) -> Iterator[tuple[str, os.DirEntry[str]]]:
        """Relative path, with forward slashes, and what the listing says of each image file.

        Written for speed, since every plan walks: no path objects, and one stat for each file, here or in its hashing.
        """
        folders = [(str(self._root), "")]
        while folders:
            folder, prefix = folders.pop()
            for file in _listed(folder):
                if is_hidden(file.name):
                    continue
                if file.is_dir(follow_symlinks=False):
                    folders.append((file.path, f"{prefix}{file.name}/"))
                elif has_image_suffix(file.name) and not (file.is_symlink() and _is_folder(file)):
                    name = prefix + file.name
                    # Tables hold no other names than UTF-8.
                    yield name if name.isascii() else os.fsencode(name).decode("utf-8", "backslashreplace"), file

    def _why_empty(self) -> str:
        """What to do with a folder that holds no images."""
        names = [name for _, _, files in os.walk(self._root) for name in files]
        if any(map(is_pickle, names)):
            return pickles_are_refused(self._root)
        if any(name.endswith(".parquet") for name in names):
            return f"{self._root} holds no images but Parquet files: read it as kind: parquet."
        return f"{self._root} holds no images: give a folder with PNG, JPEG, WebP or similar files."

    def _entry(self, name: str, file: os.DirEntry[str]) -> Entry:
        """A file, whose version is its sha256, or the problem's name where it has none."""
        try:
            status = file.stat()
            problem = self._problem(file.path, status, file.is_symlink())
            version = self._hash_file(file) if problem is None else hash_lines(["unreadable", str(problem)])
            return Entry(name, 0, version, size=status.st_size)
        except OSError as error:
            return Entry(name, 0, hash_lines(["unreadable", str(error)]))

    def _problem(self, path: str, status: os.stat_result, is_link: bool) -> Rejected | None:
        """What is wrong with a link that leaves the folder, of no regular file, and of what no memory could hold."""
        if is_link and not Path(path).resolve().is_relative_to(self._root.resolve()):
            return Rejected(Reason.path_escape, "a link that leaves the folder: copy the file into it")
        if not stat.S_ISREG(status.st_mode):
            return Rejected(Reason.unreadable, "not a regular file")
        if status.st_size > MAX_ENCODED_BYTES:
            return Rejected(Reason.bomb, f"{status.st_size} bytes, more than {MAX_ENCODED_BYTES}")
        return None

    def _read_file(self, entry: Entry) -> bytes | Rejected:
        """Bytes of a file, which must still be those that were listed."""
        path = self._root / entry.name
        try:
            # stat() before resolve(), which loops of links make raise other things than OSError
            problem = self._problem(str(path), path.stat(), path.is_symlink())
            if problem is not None:
                return problem
            data = path.read_bytes()
        except OSError as error:
            detail = _READ_ERRORS.get(error.errno or 0, f"cannot be read: {error.strerror}")
            return Rejected(Reason.unreadable, detail)
        if hashlib.sha256(data).hexdigest() != entry.version:
            return Rejected(Reason.unreadable, "changed while it was being read: run again")
        return data


def _listed(folder: str) -> list[os.DirEntry[str]]:
    """What a folder holds."""
    try:
        with os.scandir(folder) as found:
            return list(found)
    except PermissionError as error:
        raise SourceError(f"{folder} may not be read by this user: allow it (chmod), or leave it out.") from error
    except OSError as error:
        raise SourceError(f"{folder} cannot be listed: {error.strerror}; check the path.") from error


def _is_folder(link: os.DirEntry[str]) -> bool:
    """Whether a link leads to a folder; those are not followed."""
    try:
        return link.is_dir()
    except OSError:  # a loop
        return False
