"""Members of zip and tar files behind one interface: listed in order, opened by their place, never unpacked to disk."""

import bz2
import gzip
import lzma
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any, Protocol, cast

from data.limits import Reason, Rejected

# What a compressed tar, or an archive within one, may unpack to: pictures compress little, bombs a thousandfold.
UNPACKED_RATIO = 100
UNPACKED_FREE_BYTES = 2**30

# Long names and extended attributes of a tar member; real ones take some hundred bytes, and tarfile reads them whole.
_MAX_HEADER_BYTES = 2**20
_EXTENDED_HEADERS = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, *(b"x", b"g", b"X"))

_PACKINGS: tuple[tuple[bytes, Callable[[Path], Any]], ...] = (
    (b"\x1f\x8b", gzip.GzipFile),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ\x00", lzma.LZMAFile),
)


@dataclass(frozen=True)
class Member:
    """One member of an archive.

    Attributes:
        name: as the archive gives it, with forward slashes and without parts that are `.`.
        place: where its bytes are, for `Archive.member`.
        size: bytes that it says it unpacks to.
        open: opens its bytes; raises anything when they are damaged.
        problem: why it is not read, whatever its bytes are.
        is_folder: whether it is one, which has no bytes.
    """

    name: str
    place: int
    size: int
    open: Callable[[], IO[bytes]]
    problem: Rejected | None = None
    is_folder: bool = False


class Archive(Protocol):
    """An archive that is open for reading."""

    def members(self) -> Iterator[Member]:
        """All members, in order."""

    def member(self, place: int) -> Member:
        """The member at a place."""


@contextmanager
def opened(path: Path, identity: str) -> Iterator[Archive]:
    """Open a zip or a tar, told apart by its first bytes.

    Args:
        path: the file; a compressed tar can be listed in order, but not be asked for single members.
        identity: of the file's content.
    """
    with path.open("rb") as file:
        head = file.read(8)
    if head.startswith(b"PK"):
        yield ZipArchive(_directory(path, identity))
        return
    with _unpacking(path, head) as stream:
        yield TarArchive(stream, unpacked_limit(path))


def is_compressed(path: Path) -> bool:
    """Whether a file is compressed as a whole, so that it can only be read front to back."""
    with path.open("rb") as file:
        head = file.read(8)
    return any(head.startswith(magic) for magic, _ in _PACKINGS)


def unpack(path: Path, to: Path, limit: int) -> None:
    """Undo the compression of a whole file; Rejected as a bomb when that gives more than `limit` bytes."""
    with path.open("rb") as file:
        head = file.read(8)
    with _unpacking(path, head) as stream:
        copy_bounded(stream, to, limit)


def unpacked_limit(path: Path) -> int:
    """Bytes that a file, or all archives in it together, may unpack to."""
    return UNPACKED_FREE_BYTES + UNPACKED_RATIO * path.stat().st_size


def copy_bounded(stream: IO[bytes], to: Path, limit: int) -> None:
    """Write what a stream gives to a file; Rejected as a bomb when that is more than `limit` bytes."""
    written = 0
    with to.open("wb") as file:
        while piece := stream.read(2**20):
            written += len(piece)
            if written > limit:
                raise Rejected(Reason.bomb, f"unpacks to more than {limit} bytes")
            file.write(piece)


def _unpacking(path: Path, head: bytes) -> IO[bytes]:
    """A file opened through its compression, which its first bytes tell."""
    for magic, unpacked in _PACKINGS:
        if head.startswith(magic):
            return cast(IO[bytes], unpacked(path))
    return path.open("rb")


@lru_cache(maxsize=4)
def _directory(path: Path, identity: str) -> zipfile.ZipFile:
    """A zip with its directory, which takes longer to parse than a block of its images to read; safe among threads."""
    return zipfile.ZipFile(path)


class ZipArchive:
    """A zip; places are indices in its directory, since two members may carry the same name."""

    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file
        self._infos = file.infolist()

    def members(self) -> Iterator[Member]:
        """All members, in the order of the directory."""
        return (self.member(place) for place in range(len(self._infos)))

    def member(self, place: int) -> Member:
        """The member at an index of the directory."""
        info = self._infos[place]
        name = _plain(info.filename.replace("\\", "/"))  # as some programs on Windows write it
        is_folder = info.filename.endswith(("/", "\\"))
        problem = None
        # orig_filename: ZipInfo.filename is cut at a NUL byte, behind which a name could hide.
        if stat.S_ISLNK(info.external_attr >> 16) or _escapes(info.orig_filename):
            problem = _leaves(info.orig_filename)
        elif info.flag_bits & 0x1:
            problem = Rejected(Reason.unsupported, "protected by a password: unpack it first")
        return Member(name, place, info.file_size, partial(self._file.open, info), problem, is_folder)


class TarArchive:
    """A tar; places are the offsets of headers, so that a member is found without walking to it.

    A hard link is the file that it names, which comes before it, under one more name.
    """

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        self._stream = stream
        self._limit = limit
        self._tar = tarfile.TarFile(fileobj=stream, tarinfo=_Header, encoding="utf-8")

    def members(self) -> Iterator[Member]:
        """All members, front to back; each must be read, if at all, before the next is asked for."""
        files: dict[str, tuple[int, int]] = {}  # place and size
        while (info := self._tar.next()) is not None:
            self._tar.members.clear()  # type: ignore[attr-defined]  # TarFile would keep all headers that it has seen
            if info.offset_data + info.size > self._limit:  # before anything skips so far through a bomb
                raise Rejected(Reason.bomb, f"unpacks to more than {self._limit} bytes")
            member = self._member(info)
            if member.problem is None:
                files[member.name] = member.place, member.size
            elif info.islnk() and not _escapes(info.name) and (file := files.get(_plain(info.linkname))):
                place, size = file
                member = Member(member.name, place, size, partial(self._open_at, place))
            yield member
        self._stream.seek(self._tar.offset)
        end = self._stream.read(tarfile.BLOCKSIZE)
        if end.strip(b"\0") or len(end) not in (0, tarfile.BLOCKSIZE):
            raise tarfile.ReadError(f"no member where one should be, at byte {self._tar.offset}")

    def member(self, place: int) -> Member:
        """The member whose header is at an offset."""
        self._stream.seek(place)
        return self._member(_Header.fromtarfile(self._tar))

    def _member(self, info: tarfile.TarInfo) -> Member:
        problem = None
        if info.issym() or info.islnk() or _escapes(info.name):
            problem = _leaves(info.name)
        elif info.issparse():
            problem = Rejected(Reason.unsupported, "stored with holes (a sparse file): pack it without them")
        elif not info.isreg():
            problem = Rejected(Reason.unreadable, "not a regular file")
        name = info.name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        return Member(_plain(name), info.offset, info.size, partial(self._extract, info), problem, info.isdir())

    def _open_at(self, place: int) -> IO[bytes]:
        return self.member(place).open()

    def _extract(self, info: tarfile.TarInfo) -> IO[bytes]:
        stream = self._tar.extractfile(info)
        assert stream is not None, info.name  # regular files only are asked for
        return stream


class _Header(tarfile.TarInfo):
    """A tar header whose extensions are bounded."""

    def _proc_member(self, tar: tarfile.TarFile) -> tarfile.TarInfo:  # where tarfile wants to be extended
        if self.type in _EXTENDED_HEADERS and self.size > _MAX_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {self.size} bytes")
        return cast(tarfile.TarInfo, super()._proc_member(tar))  # type: ignore[misc]


def _plain(name: str) -> str:
    """A member's name without the parts that say nothing, as `tar c .` writes them; one that escapes stays as it is."""
    return name if _escapes(name) else "/".join(part for part in name.split("/") if part not in ("", "."))


def _escapes(name: str) -> bool:
    """Whether a member of this name would leave the archive's folder when unpacked: an absolute path or `..`."""
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    return posix.is_absolute() or bool(windows.root) or ".." in windows.parts


def _leaves(name: str) -> Rejected:
    return Rejected(Reason.path_escape, f"the member {name!r} is a link or leaves the archive")
