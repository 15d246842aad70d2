"""A source in an S3 store: images below a prefix, or containers, which are fetched once and read here."""

import glob
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from data.limits import MAX_ENCODED_BYTES, Reason, Rejected
from data.sources.folder import why_empty
from data.sources.names import CONTAINERS, ignored_as, is_hidden, is_image_name, is_pickle, pickles_are_refused
from data.sources.objects import PARALLEL, RemoteObject, fetch, get, head, listed, split_url
from data.sources.places import matches, split_pattern
from data.sources.several import SeveralSources
from data.sources.source import Entry, HashFile, NoImages, RawImage, Source, SourceError, hash_lines

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
        prefix = prefix_of(key)
        found = {item.key.removeprefix(prefix): item for item in listed(url, prefix) if matches(item.key, key)}
    elif (one := head(url)) is not None:
        found = {"": one}
    else:
        prefix = prefix_of(key)
        found = {item.key.removeprefix(prefix): item for item in listed(url, prefix) if not item.key.endswith("/")}
    if not found:
        raise SourceError(f"{url} holds nothing: check the bucket and the prefix.")
    return found


def prefix_of(key: str) -> str:
    """What the keys begin with that a key or pattern in an address means."""
    if not glob.has_magic(key):
        return key if not key or key.endswith("/") else f"{key}/"
    folder, _ = split_pattern(key)
    return "" if folder == "." else f"{folder}/"


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
        self._ignored = Counter[str]()

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

    def ignored(self) -> Counter[str]:
        """Objects that are no images by their names; of containers what they left out."""
        containers = self._opened()
        return self._ignored if containers is None else containers.ignored()

    def _opened(self) -> Source | None:
        """The containers that the address means, or None where it means images; listed once per object."""
        if self._images is None and self._containers is None:
            found = find_objects(self._url)
            parts = self._parts_among(found)
            if not parts:
                self._images = {name: item for name, item in found.items() if is_image_name(name)}
                others = (name for name in found if not (name in self._images or any(map(is_hidden, name.split("/")))))
                self._ignored = Counter(map(ignored_as, others))
                if not self._images:
                    raise NoImages(why_empty(self._url, self._ignored))
            elif "" in parts:
                self._containers = self._open_container(parts[""])
            else:
                opening = {name: partial(self._open_container, item) for name, item in sorted(parts.items())}
                self._containers = SeveralSources(self.name, self.licence, opening, are_files=True)
        return self._containers

    def _parts_among(self, found: dict[str, RemoteObject]) -> dict[str, RemoteObject]:
        """The containers among what was found; none where the address means images."""
        _, key = split_url(self._url)
        images = [name for name, item in found.items() if is_image_name(name or item.key.rpartition("/")[2])]
        if "" in found:
            if images:
                raise SourceError(f"{self._url} is a single image: give the prefix around it.")
            return found
        if self._kind == "folder":
            return {}
        if glob.has_magic(key):
            containers = {name: item for name, item in found.items() if ignored_as(name) in CONTAINERS}
            parts = containers if images else found
        else:
            parts = {name: item for name, item in found.items() if name.endswith(".parquet")}
        if parts and images and self._kind != "parquet":
            raise SourceError(
                f"{self._url} holds both {next(iter(parts))} and images, such as {images[0]}: say kind: folder to read "
                "the images, or name the others by a pattern such as *.parquet."
            )
        return parts

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
        except (FileNotFoundError, InterruptedError) as error:
            raise SourceError(
                f"{entry.name} of the source {self.name} changed or went while it was being read: run again, what was "
                "done until then is kept."
            ) from error

    def _object(self, entry: Entry) -> RemoteObject:
        """The object behind an entry, whose version holds its ETag."""
        bucket, key = split_url(self._url)
        _, etag, size, *_ = entry.version.split(" ")
        return RemoteObject(bucket, prefix_of(key) + entry.name, etag, "", int(size))


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
