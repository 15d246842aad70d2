"""Labels from the names of folders, for a source of any kind."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from data.sources.source import Entry, RawImage, Source, hash_lines

LABEL = "folder"


class FolderLabels:
    """A source whose images are labelled by the first folder in their names, or in the file that they lie in.

    The classes are numbered in the order of the folders' names, over all entries; images in no folder get no label. A
    folder that is added in between shifts the numbers after it. Each version therefore holds the number, so that what
    was read under another one is read anew, and a table that grew equals one made from nothing.
    """

    def __init__(self, source: Source) -> None:
        self.name = source.name
        self.licence = source.licence
        self._source = source

    def digest(self) -> str:
        """That of the source, marked."""
        return hash_lines([LABEL, self._source.digest()])

    def entries(self) -> list[Entry]:
        """The source's entries, with their classes."""
        entries = self._source.entries()
        folders = [_first_folder(entry) for entry in entries]
        number = {folder: n for n, folder in enumerate(sorted({folder for folder in folders if folder is not None}))}
        return [
            entry if folder is None else _labelled(entry, number[folder])
            for entry, folder in zip(entries, folders, strict=True)
        ]

    def ignored(self) -> Counter[str]:
        """That of the source."""
        return self._source.ignored()

    def read(self, entries: Sequence[Entry]) -> Iterator[RawImage]:
        """Read from the source, and add the labels."""
        for entry, raw in zip(entries, self._source.read([_bare(entry) for entry in entries]), strict=True):
            yield replace(raw, entry=entry, labels={**raw.labels, **dict(entry.labels)})


def _first_folder(entry: Entry) -> str | None:
    """The first folder in an entry's name, which begins with the file that it lies in."""
    folder, slash, _ = entry.name[len(entry.container) :].removeprefix("/").partition("/")
    return folder if slash else None


def _labelled(entry: Entry, number: int) -> Entry:
    """An entry with its class, which is part of its version."""
    return replace(entry, version=f"{entry.version}@{number}", labels=(*entry.labels, (LABEL, number)))


def _bare(entry: Entry) -> Entry:
    """The entry as the source itself lists it."""
    if not entry.labels or entry.labels[-1][0] != LABEL:
        return entry
    return replace(entry, version=entry.version.rpartition("@")[0], labels=entry.labels[:-1])
