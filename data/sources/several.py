"""Several containers of one kind as one source."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from operator import itemgetter

from data.sources.source import Entry, RawImage, Source, hash_lines


class SeveralSources:
    """The images of several sources, each under the name of the one that holds it: `a.zip/logo.png`.

    A source that was added or removed leaves the entries of all others as they are.
    """

    def __init__(self, name: str, licence: str, parts: Mapping[str, Callable[[], Source]]) -> None:
        self.name = name
        self.licence = licence
        self._open = dict(parts)
        self._opened: dict[str, Source] = {}

    def digest(self) -> str:
        """Identity of the names and contents of all."""
        return hash_lines([line for part in self._open for line in (part, self._part(part).digest())])

    def entries(self) -> list[Entry]:
        """The entries of each, in the order of their names."""
        return [
            replace(entry, name=f"{part}/{entry.name}") for part in self._open for entry in self._part(part).entries()
        ]

    def read(self, entries: Sequence[Entry]) -> Iterator[RawImage]:
        """Read from one after the other; the others are not even opened."""
        placed = [(self._part_of(entry), entry) for entry in entries]
        for part, run in groupby(placed, key=itemgetter(0)):
            block = [entry for _, entry in run]
            bare = [replace(entry, name=entry.name.removeprefix(f"{part}/")) for entry in block]
            for entry, raw in zip(block, self._part(part).read(bare), strict=True):
                yield replace(raw, entry=entry)

    def _part(self, name: str) -> Source:
        if name not in self._opened:
            self._opened[name] = self._open[name]()
        return self._opened[name]

    def _part_of(self, entry: Entry) -> str:
        """The part that an entry is of; of two that its name begins with, the longer."""
        name = entry.name
        while name not in self._open:
            name = name.rpartition("/")[0]
        return name
