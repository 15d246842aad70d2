"""A source in an S3 store: images below a prefix, or containers, which are fetched once and read here."""

import fnmatch
import glob
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from data.limits import MAX_ENCODED_BYTES, Reason, Rejected
from data.sources.names import has_image_suffix, is_image_name, is_pickle, pickles_are_refused
from data.sources.objects import PARALLEL, RemoteObject, fetch, get, head, listed, split_url
from data.sources.places import split_pattern
from data.sources.several import SeveralSources
from data.sources.source import Entry, HashFile, RawImage, Source, SourceError, hash_lines

if TYPE_CHECKING:
    from data.sources.opening import Kind

_WINDOW_ENTRIES = 64
_WINDOW_BYTES = 64 * 2**20


def find_objects(url: str) -> dict[str, RemoteObject]:
    """The objects that an address means, by name: those that a pattern matches, the one, or all below a prefix.

    The name of the one object is empty; the others are named by their keys below the fixed part of the address.

    Raises:
        SourceError: there are none, or the store cannot be read.
    """
    _, key = split_url(url)
    if glob.has_magic(key):
        folder, _ = split_pattern(key)
        prefix = "" if folder == "." else f"{folder}/"
        found = {item.key.removeprefix(prefix): item for item in listed(url, prefix) if _matches(item.key, key)}
    elif (one := head(url)) is not None:
        found = {"": one}
    else:
        prefix = key if not key or key.endswith("/") else f"{key}/"
        found = {item.key.removeprefix(prefix): item for item in listed(url, prefix) if not item.key.endswith("/")}
    if not found:
        raise SourceError(f"{url} holds nothing: check the bucket and the prefix.")
    return found


class RemoteSource:
    """What lies at an s3:// address.

    Images below a prefix are known by their ETags and read when they are needed, some at a time. An archive, Parquet
    or HDF5 file is fetched into the cache, since it is read in many small pieces.
    """

    def __init__(self, name: str, url: str, kind: "Kind | None", licence: str, hash_file: HashFile) -> None:
        self.name = name
        self.licence = licence
        self._url = url
        self._kind = kind
        self._hash_file = hash_file
        self._images: dict[str, RemoteObject] | None = None
        self._containers: Source | None = None

    def digest(self) -> str:
        """Identity of all names and versions; of a container its own."""
        containers = self._opened()
        if containers is not None:
            return containers.digest()
        return hash_lines([part for entry in self.entries() for part in (entry.name, entry.version)])

    def entries(self) -> list[Entry]:
        """One entry per image, sorted by name; of containers their entries."""
        containers = self._opened()
        if containers is not None:
            return containers.entries()
        assert self._images is not None
        return [Entry(name, 0, item.version, size=item.size) for name, item in sorted(self._images.items())]

    def read(self, entries: Sequence[Entry]) -> Iterator[RawImage]:
        """Read images, several at a time, or from the containers; a block of images does not need the listing again."""
        if not all(entry.version.startswith("etag ") for entry in entries):
            containers = self._opened()
            assert containers is not None
            yield from containers.read(entries)
            return
        with ThreadPoolExecutor(PARALLEL) as pool:
            for window in _windows(entries):
                yield from pool.map(self._read_image, window)

    def _opened(self) -> Source | None:
        """The containers that the address means, or None where it means images; listed once per object."""
        if self._images is None and self._containers is None:
            found = find_objects(self._url)
            self._containers = self._open_containers(found)
            if self._containers is None:
                self._images = {name: item for name, item in found.items() if is_image_name(name)}
                if not self._images and any(is_pickle(name) for name in found):
                    raise SourceError(pickles_are_refused(self._url))
                if not self._images:
                    raise SourceError(f"{self._url} holds no images: give a prefix with PNG, JPEG or similar objects.")
        return self._containers

    def _open_containers(self, found: dict[str, RemoteObject]) -> Source | None:
        """The source of what was found, unless these are images."""
        _, key = split_url(self._url)
        if "" in found or glob.has_magic(key):
            if any(has_image_suffix(item.key) for item in found.values()):
                raise SourceError(f"{self._url} means single images: give the prefix around them.")
            parts = found
        else:
            parts = {name: item for name, item in found.items() if name.endswith(".parquet")}
            if not parts or self._kind == "folder":
                return None
        opening = {name: partial(self._open_container, item) for name, item in sorted(parts.items())}
        return opening[""]() if "" in opening else SeveralSources(self.name, self.licence, opening)

    def _open_container(self, item: RemoteObject) -> Source:
        """A container, from its copy."""
        from data.sources.opening import open_local

        if is_pickle(item.key):
            raise SourceError(pickles_are_refused(f"s3://{item.bucket}/{item.key}"))
        return open_local(self.name, fetch(item), self._kind, self.licence, self._hash_file)

    def _read_image(self, entry: Entry) -> RawImage:
        """Read one image, which must still be the one that was listed."""
        if entry.size > MAX_ENCODED_BYTES:
            detail = f"{entry.size} bytes, more than {MAX_ENCODED_BYTES}"
            return RawImage(entry, problem=Rejected(Reason.bomb, detail))
        try:
            return RawImage(entry, data=get(self._object(entry)))
        except FileNotFoundError:
            return RawImage(entry, problem=Rejected(Reason.unreadable, "not there any more"))
        except InterruptedError:
            return RawImage(entry, problem=Rejected(Reason.unreadable, "changed while it was being read: run again"))

    def _object(self, entry: Entry) -> RemoteObject:
        """The object behind an entry, whose version holds its ETag."""
        bucket, key = split_url(self._url)
        prefix = key if not key or key.endswith("/") else f"{key}/"
        _, etag, size, *_ = entry.version.split(" ")
        return RemoteObject(bucket, prefix + entry.name, etag, "", int(size))


def _matches(key: str, pattern: str) -> bool:
    """Whether a key matches a pattern, part by part; `**` alone stands for any number of parts."""
    parts, wanted = key.split("/"), pattern.split("/")
    if "**" in wanted:
        at = wanted.index("**")
        head_fits = len(parts) > at and all(map(fnmatch.fnmatchcase, parts[:at], wanted[:at]))
        return head_fits and any(
            _matches("/".join(parts[n:]), "/".join(wanted[at + 1 :])) for n in range(at, len(parts))
        )
    return len(parts) == len(wanted) and all(map(fnmatch.fnmatchcase, parts, wanted))


def _windows(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Entries in groups that are held in memory together."""
    window: list[Entry] = []
    for entry in entries:
        if window and (len(window) == _WINDOW_ENTRIES or sum(e.size for e in window) + entry.size > _WINDOW_BYTES):
            yield window
            window = []
        window.append(entry)
    if window:
        yield window
