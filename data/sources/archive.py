"""A zip file of images, read in place and never unpacked to disk."""

import stat
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

from data.images import MAX_ENCODED_BYTES, Reason, Rejected
from data.sources.names import is_image_name
from data.sources.source import Entry, HashFile, RawImage, SourceError, reading


class ZipSource:
    """Image members of a zip file; a member whose name leaves the archive is offered with the problem path_escape."""

    def __init__(self, name: str, path: Path, licence: str, hash_file: HashFile) -> None:
        self.name = name
        self.licence = licence
        self._path = Path(path)
        self._sha256 = hash_file(self._path)

    def digest(self) -> str:
        """The file's sha256."""
        return self._sha256

    def entries(self) -> list[Entry]:
        """Image members and unsafe members, in the order of the archive's directory."""
        with reading(self._path), zipfile.ZipFile(self._path) as archive:
            entries = [
                Entry(info.filename, position, f"{self._sha256}:{position}")
                for position, info in enumerate(archive.infolist())
                if not info.is_dir() and (is_image_name(info.filename) or _escapes(info))
            ]
        if not entries:
            raise SourceError(f"{self._path} holds no images: give a zip with PNG, JPEG, WebP or other image files.")
        return entries

    def read(self, entries: Sequence[Entry]) -> Iterator[RawImage]:
        """Read members by position, since two may carry the same name."""
        with reading(self._path), zipfile.ZipFile(self._path) as archive:
            members = archive.infolist()
            for entry in entries:
                try:
                    yield RawImage(entry, data=_read_member(archive, members[entry.position]))
                except Rejected as problem:
                    yield RawImage(entry, problem=problem)


def _escapes(info: zipfile.ZipInfo) -> bool:
    """Whether a member would leave the archive when unpacked: an absolute path, `..`, or a link."""
    # orig_filename: ZipInfo.filename is cut at a NUL byte, behind which a name could hide.
    posix, windows = PurePosixPath(info.orig_filename), PureWindowsPath(info.orig_filename)
    is_link = stat.S_ISLNK(info.external_attr >> 16)
    return is_link or posix.is_absolute() or bool(windows.drive or windows.root) or ".." in windows.parts


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """Unpack one member into memory, never more than MAX_ENCODED_BYTES of it."""
    if _escapes(info):
        raise Rejected(Reason.path_escape, f"the member {info.orig_filename!r} is a link or leaves the archive")
    if info.flag_bits & 0x1:
        raise Rejected(Reason.unsupported, "protected by a password: unpack it first")
    try:
        with archive.open(info) as member:
            data = member.read(MAX_ENCODED_BYTES + 1)
    except EOFError as error:
        raise Rejected(Reason.truncated, "the archive ends within this member") from error
    except NotImplementedError as error:
        raise Rejected(Reason.unsupported, f"packed in a way that is not read: {error}") from error
    except Exception as error:  # each of the packings has exceptions of its own for garbage
        raise Rejected(Reason.unreadable, f"damaged in the archive: {error}"[:200]) from error
    if len(data) > MAX_ENCODED_BYTES:
        raise Rejected(Reason.bomb, f"unpacks to more than {MAX_ENCODED_BYTES} bytes")
    return data
