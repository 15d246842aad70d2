"""A zip or tar file of images, and of further archives of images, read in place."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from data.limits import MAX_ENCODED_BYTES, Reason, Rejected
from data.sources.cache import cached
from data.sources.members import Archive, Member, copy_bounded, is_compressed, opened, unpack, unpacked_limit
from data.sources.names import ignored_as, is_hidden, is_image_name, is_pickle, pickles_are_refused
from data.sources.retry import LOCAL_ATTEMPTS, is_passing, retry
from data.sources.sidecars import Sidecars
from data.sources.source import (
    BadContainer,
    Entry,
    HashFile,
    NoImages,
    RawImage,
    SourceError,
    cannot_be_read,
    reading,
)

_ARCHIVE_SUFFIXES = (".zip", ".tar", ".tgz", ".tar.gz", ".tbz2", ".tar.bz2", ".txz", ".tar.xz")

Place = tuple[int, ...]
"""Of a member; of a member of an archive within the archive, the place of that one and its place in it."""


class ArchiveSource:
    """Image members of a zip or tar, and of the archives in it; labels from dataset.json, .cls and .json beside them.

    A member that cannot be read for what it is, such as a link or an archive two levels down, is offered with a
    problem. A compressed tar, and an archive within an archive, is read from an unpacked copy in the cache.
    """

    def __init__(self, name: str, path: Path, licence: str, hash_file: HashFile) -> None:
        self.name = name
        self.licence = licence
        self._path = Path(path)
        self._sha256 = hash_file(self._path)
        self._ignored = Counter[str]()

    def digest(self) -> str:
        """The file's sha256."""
        return self._sha256

    def entries(self) -> list[Entry]:
        """Images, unsafe members and archives that cannot be opened, in the order of the archive."""
        found: list[Entry] = []
        sidecars, ignored = Sidecars(), Counter[str]()
        with self._outer(self._path) as outer:
            for position, (place, member) in enumerate(self._walk(outer)):
                if _is_offered(member):
                    version = ":".join([self._sha256, *map(str, place)])
                    found.append(Entry(member.name, position, version, size=member.size))
                elif not (_is_aside(member) or sidecars.look_at(member.name, place, member.size, member.open)):
                    ignored[ignored_as(member.name)] += 1
        self._ignored = ignored + sidecars.unread
        if not found and any(map(is_pickle, ignored)):
            raise SourceError(pickles_are_refused(self._path))
        if not found:
            raise NoImages(f"{self._path} holds no images: give an archive of PNG, JPEG, WebP or other image files.")
        return [replace(entry, labels=sidecars.labels(entry.name)) for entry in found]

    def ignored(self) -> Counter[str]:
        """Members that are neither images nor their labels, and labels that are no classes."""
        return self._ignored

    def read(self, entries: Sequence[Entry]) -> Iterator[RawImage]:
        """Read members by their places, which the entries' versions hold."""
        with self._outer(self._seekable()) as outer:
            for within, run in groupby(entries, key=lambda entry: _place(entry)[:-1]):
                block = list(run)
                for entry, answer in zip(block, self._answers(outer, within, block), strict=True):
                    labels = dict(entry.labels)
                    if isinstance(answer, bytes):
                        yield RawImage(entry, data=answer, labels=labels)
                    else:
                        yield RawImage(entry, problem=answer, labels=labels)

    @contextmanager
    def _outer(self, path: Path) -> Iterator[Archive]:
        """The archive itself, opened; an archive that is a bomb as a whole is an error."""
        with reading(self._path):
            try:
                with opened(path, self._sha256) as archive:
                    yield archive
            except Rejected as problem:
                raise BadContainer(f"{self._path} {problem.detail}: unpack it, if that is right.", problem) from problem

    def _seekable(self) -> Path:
        """The archive, or a copy of it without compression, which would have to be undone from the start each time."""
        with reading(self._path):
            if not is_compressed(self._path):
                return self._path
            limit = unpacked_limit(self._path)
            return cached(f"unpacked {self._sha256}", self._path.name, lambda copy: unpack(self._path, copy, limit))

    def _walk(self, outer: Archive) -> Iterator[tuple[Place, Member]]:
        """All members, those of an archive within in its place; together such archives unpack to a bounded size."""
        budget = unpacked_limit(self._path)
        for member in outer.members():
            if member.is_folder or not is_archive_name(member.name):
                yield (member.place,), member
                continue
            try:
                with self._inner(member, budget) as (archive, size):
                    budget -= size
                    for inner in list(archive.members()):  # all, so that damage shows before one is offered
                        yield (member.place, inner.place), replace(inner, name=f"{member.name}/{inner.name}")
            except Rejected:
                yield (member.place,), member

    @contextmanager
    def _inner(self, member: Member, budget: int) -> Iterator[tuple[Archive, int]]:
        """An archive within the archive, opened, and the size of its copy; Rejected where it cannot be read."""
        identity = f"{self._sha256}:{member.place}"
        with rejecting():
            if member.problem is not None:
                raise member.problem
            if member.size > budget:
                raise Rejected(Reason.bomb, f"with the archives beside it, unpacks to more than {budget} bytes")
            copy = cached(f"inner {identity}", "archive", lambda copy: _copy_out(member, copy, budget))
            with opened(copy, identity) as archive:
                yield archive, copy.stat().st_size

    def _answers(self, outer: Archive, within: Place, entries: Sequence[Entry]) -> Iterator[bytes | Rejected]:
        """The bytes of entries that lie in one archive, or what is wrong with them."""
        with ExitStack() as stack:
            archive, problem = outer, None
            if within:
                try:
                    inner = self._inner(outer.member(within[0]), unpacked_limit(self._path))
                    archive, _ = stack.enter_context(inner)
                except Rejected as refused:
                    problem = refused
            for entry in entries:
                yield problem or self._answer(archive, _place(entry)[-1], bool(within))

    def _answer(self, archive: Archive, place: int, within: bool) -> bytes | Rejected:
        """The bytes of one member, or what is wrong with it."""
        try:
            with rejecting():
                member = archive.member(place)
                if member.problem is None and is_archive_name(member.name):
                    self._say_why(member, within)
                return retry(lambda: read_member(member), is_passing, LOCAL_ATTEMPTS)
        except Rejected as problem:
            return problem
        except OSError as error:
            raise cannot_be_read(self._path, error) from error

    def _say_why(self, member: Member, within: bool) -> None:
        """Raise the problem of an archive that was offered itself, because nothing in it could be."""
        if within:
            raise Rejected(Reason.unsupported, "an archive in an archive in an archive: unpack it first")
        with self._inner(member, unpacked_limit(self._path)) as (archive, _):
            list(archive.members())
        raise Rejected(Reason.bomb, "with the archives beside it, unpacks to more than is allowed")


def is_archive_name(name: str) -> bool:
    """Whether a member looks like a further archive."""
    return name.lower().endswith(_ARCHIVE_SUFFIXES) and not any(is_hidden(part) for part in name.split("/"))


def read_member(member: Member) -> bytes:
    """Unpack one member into memory, never more than MAX_ENCODED_BYTES of it."""
    if member.problem is not None:
        raise member.problem
    with member.open() as stream:
        data = stream.read(MAX_ENCODED_BYTES + 1)
    if len(data) > MAX_ENCODED_BYTES:
        raise Rejected(Reason.bomb, f"unpacks to more than {MAX_ENCODED_BYTES} bytes")
    return data


@contextmanager
def rejecting() -> Iterator[None]:
    """Turn what the readers of archives raise on garbage, nearly anything, into a problem of one member.

    Raises:
        Rejected: the member is at fault.
        OSError: it is not, and another attempt may succeed.
    """
    try:
        yield
    except (Rejected, SourceError):
        raise
    except EOFError as error:
        raise Rejected(Reason.truncated, "the archive ends within this member") from error
    except NotImplementedError as error:
        raise Rejected(Reason.unsupported, f"packed in a way that is not read: {error}") from error
    except Exception as error:
        if is_passing(error):
            raise
        raise Rejected(Reason.unreadable, f"damaged in the archive: {error}"[:200]) from error


def _is_offered(member: Member) -> bool:
    """Whether a member is an entry: an image, one that is unsafe, or an archive that was not opened."""
    if member.is_folder:
        return False
    escapes = member.problem is not None and member.problem.reason == Reason.path_escape
    return escapes or is_image_name(member.name) or is_archive_name(member.name)


def _is_aside(member: Member) -> bool:
    """Whether a member is nothing that anybody would miss: a folder, or hidden."""
    return member.is_folder or member.problem is not None or any(map(is_hidden, member.name.split("/")))


def _copy_out(member: Member, copy: Path, limit: int) -> None:
    """Copy an archive out of the archive, without its compression."""
    packed = copy.with_suffix(".packed")
    try:
        with member.open() as stream:
            copy_bounded(stream, packed, limit)
        if is_compressed(packed):
            unpack(packed, copy, limit)
        else:
            packed.replace(copy)
    finally:
        packed.unlink(missing_ok=True)


def _place(entry: Entry) -> Place:
    """Where an entry lies, as its version says."""
    return tuple(int(part) for part in entry.version.split(":")[1:])
