"""Several containers of one kind as one source."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from operator import itemgetter

from data.limits import Rejected
from data.sources.source import BadContainer, Entry, NoImages, RawImage, Source, SourceError, hash_lines


class SeveralSources:
    """The images of several sources, each under the name of the one that holds it: `a.zip/logo.png`.

    A source that was added or removed leaves the entries of all others as they are. One that is damaged is one entry
    with a problem, and one that holds no images is passed over.
    """

    def __init__(self, name: str, licence: str, parts: Mapping[str, Callable[[], Source]], are_files: bool) -> None:
        """Take parts by name, each opened when it is used; of files the names are no folders."""
        self.name = name
        self.licence = licence
        self._open = dict(parts)
        self._are_files = are_files
        self._opened: dict[str, Source] = {}

    def digest(self) -> str:
        """Identity of the names and contents of all."""
        return hash_lines([line for part in self._open for line in (part, self._digest_of(part))])

    def entries(self) -> list[Entry]:
        """The entries of each, in the order of their names."""
        entries = [entry for part in self._open for entry in self._entries_of(part)]
        if not entries:
            raise NoImages(f"The files of the source {self.name} hold no images: check its pattern.")
        return entries

    def ignored(self) -> Counter[str]:
        """What was left out in any."""
        return sum((source.ignored() for source in self._opened.values()), Counter[str]())

    def read(self, entries: Sequence[Entry]) -> Iterator[RawImage]:
        """Read from one after the other; the others are not even opened."""
        placed = [(self._part_of(entry), entry) for entry in entries]
        for part, run in groupby(placed, key=itemgetter(0)):
            block = [entry for _, entry in run]
            if [entry.name for entry in block] == [part]:
                yield RawImage(block[0], problem=self._problem(part, block[0]))
                continue
            bare = [replace(entry, name=entry.name.removeprefix(f"{part}/"), container="") for entry in block]
            for entry, raw in zip(block, self._part(part).read(bare), strict=True):
                yield replace(raw, entry=entry)

    def _entries_of(self, part: str) -> list[Entry]:
        """The entries of one; itself where it is damaged."""
        container = part if self._are_files else ""
        try:
            entries = self._part(part).entries()
        except NoImages:
            return []
        except BadContainer as error:
            return [Entry(part, 0, _stand_in(error), container=container)]
        return [replace(entry, name=f"{part}/{entry.name}", container=container) for entry in entries]

    def _digest_of(self, part: str) -> str:
        """Identity of the content of one, or of what is wrong with it."""
        try:
            return self._part(part).digest()
        except BadContainer as error:
            return _stand_in(error)

    def _problem(self, part: str, entry: Entry) -> Rejected:
        """What is wrong with one that was offered itself."""
        try:
            self._part(part).entries()
        except BadContainer as error:
            if _stand_in(error) == entry.version:
                return error.problem
        except NoImages:
            pass
        raise SourceError(f"{part} of the source {self.name} changed while it was being read: run again.")

    def _part(self, name: str) -> Source:
        if name not in self._opened:
            self._opened[name] = self._open[name]()
        return self._opened[name]

    def _part_of(self, entry: Entry) -> str:
        """The part that an entry is of; of two that its name begins with, the longer."""
        name = entry.name
        while name not in self._open:
            name = name.rpartition("/")[0]
            if not name:
                raise SourceError(f"{entry.name} of the source {self.name} is not there any more: run again.")
        return name


def _stand_in(error: BadContainer) -> str:
    """The version of a part that is damaged, in place of that of its entries."""
    return hash_lines(["unreadable", str(error.problem)])
