"""A folder of image files, with its sub-folders."""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from data.images import MAX_ENCODED_BYTES, Reason, Rejected
from data.sources.source import Entry, HashFile, RawImage, SourceError, hash_lines

# A file with one of these suffixes is offered as an image, whatever is in it; others (README, JSON, ...) are not.
IMAGE_SUFFIXES = frozenset(
    {".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif", ".bmp", ".dib", ".ico", ".tif", ".tiff"}
    | {".svg", ".avif", ".heic", ".heif", ".jp2", ".jxl", ".psd", ".eps", ".ai"}
)

_READ_ERRORS = {
    errno.EACCES: "no permission to read it",
    errno.ENOENT: "not there any more, or its name is not UTF-8: rename it",
}


def is_image_name(name: str) -> bool:
    """Whether a path looks like an image that somebody meant to offer: a known suffix, nothing hidden."""
    parts = name.split("/")
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    return not hidden and PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES


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
            names = sorted(name for name in self._walk() if is_image_name(name))
            if not names:
                raise SourceError(f"{self._root} holds no images: give a folder with PNG, JPEG, WebP or similar files.")
            self._entries = [Entry(name, 0, self._version(name)) for name in names]
        return self._entries

    def read(self, entries: Sequence[Entry]) -> Iterator[RawImage]:
        """Read files one after the other."""
        for entry in entries:
            try:
                yield RawImage(entry, data=self._read_file(entry))
            except Rejected as problem:
                yield RawImage(entry, problem=problem)

    def _walk(self) -> Iterator[str]:
        """Relative paths of all files, with forward slashes."""

        def refuse(error: OSError) -> None:
            if isinstance(error, PermissionError):
                raise SourceError(
                    f"{error.filename} may not be read by this user: allow it (chmod), or leave it out."
                ) from error
            raise SourceError(f"{error.filename} cannot be listed: {error.strerror}; check the path.") from error

        for folder, _, files in os.walk(self._root, onerror=refuse):
            for file in files:
                name = Path(folder, file).relative_to(self._root).as_posix()
                yield os.fsencode(name).decode("utf-8", "backslashreplace")  # tables hold no other names

    def _version(self, name: str) -> str:
        """The file's sha256, or the problem's name where it has none."""
        try:
            self._check(name)
            return self._hash_file(self._root / name)
        except (OSError, Rejected) as problem:
            return hash_lines(["unreadable", str(problem)])

    def _read_file(self, entry: Entry) -> bytes:
        """Bytes of a file, which must still be those that were listed."""
        try:
            self._check(entry.name)
            data = (self._root / entry.name).read_bytes()
        except OSError as error:
            raise Rejected(
                Reason.unreadable, _READ_ERRORS.get(error.errno or 0, f"cannot be read: {error.strerror}")
            ) from error
        if hashlib.sha256(data).hexdigest() != entry.version:
            raise Rejected(Reason.unreadable, "changed while it was being read: run again")
        return data

    def _check(self, name: str) -> None:
        """Refuse links that leave the folder, what is no regular file, and what no memory could hold."""
        path = self._root / name
        status = path.stat()  # before resolve(), which loops of links make raise other things than OSError
        if path.is_symlink() and not path.resolve().is_relative_to(self._root.resolve()):
            raise Rejected(Reason.path_escape, "a link that leaves the folder: copy the file into it")
        if not stat.S_ISREG(status.st_mode):
            raise Rejected(Reason.unreadable, "not a regular file")
        if status.st_size > MAX_ENCODED_BYTES:
            raise Rejected(Reason.bomb, f"{status.st_size} bytes, more than {MAX_ENCODED_BYTES}")
