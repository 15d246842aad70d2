"""What every source offers: its entries, unread, and their bytes or pixels on request."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from data.limits import Reason, Rejected
from data.sources.retry import is_passing

if TYPE_CHECKING:  # a plan lists sources without reading them, and does not load numpy
    import numpy as np
    from numpy.typing import NDArray

FilePath = Path | os.DirEntry[str]
"""A file's path, or what listing its folder gave, which remembers the file's stat."""
HashFile = Callable[[FilePath], str]


class SourceError(ValueError):
    """A whole source cannot be used; the message is one sentence with the remedy."""


class BadContainer(SourceError):
    """A container's own bytes are at fault: beside others of its source it is one image in quarantine.

    Attributes:
        problem: what is wrong with it.
    """

    def __init__(self, sentence: str, problem: Rejected) -> None:
        super().__init__(sentence)
        self.problem = problem

    def __reduce__(self) -> tuple[type["BadContainer"], tuple[str, Rejected]]:
        """Let it come from another process, where a unit of work may have met it."""
        return BadContainer, (str(self), self.problem)


class NoImages(SourceError):
    """A source is whole and holds no image; beside others of its source it is passed over."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One image that a source offers, not read yet.

    Attributes:
        name: what the source calls it: relative path, member name, or name column.
        position: index within its container; 0 for a file of a folder, which its name identifies.
        version: identity of its bytes and labels without decoding them: a file's sha256, or
            "<container's sha256>:<place in it>".
        labels: label name and class, where listing the source gave them; `read` gives them again, with others.
        size: encoded bytes, where listing tells; else 0.
        container: of a source of several files the one that it lies in, with which its name begins; else empty.
    """

    name: str
    position: int
    version: str
    labels: tuple[tuple[str, int], ...] = ()
    size: int = 0
    container: str = ""


@dataclass(frozen=True)
class RawImage:
    """What reading an entry gave: encoded bytes, raw pixels, or a problem; exactly one of the three.

    Attributes:
        entry: the entry that was read.
        data: encoded image.
        pixels: RGB `[H, W, 3]`, where the source holds raw arrays.
        labels: label name → class.
        licence: of this image; None = that of the source.
        problem: why it cannot be read.
    """

    entry: Entry
    data: bytes | None = None
    pixels: "NDArray[np.uint8] | None" = None
    labels: dict[str, int] = field(default_factory=dict)
    licence: str | None = None
    problem: Rejected | None = None

    def __post_init__(self) -> None:
        """Hold the promise that exactly one of data, pixels and problem is there."""
        given = [part is not None for part in (self.data, self.pixels, self.problem)]
        assert sum(given) == 1, f"{self.entry.name}: data, pixels, problem = {given}"


class Source(Protocol):
    """A collection of images that can be listed without reading it, and read in parts.

    Reading is safe from several threads at once: each call of `read` opens the files that it needs.
    """

    @property
    def name(self) -> str:
        """Name in the configuration, as origins record it."""

    @property
    def licence(self) -> str:
        """Licence of the images that state none themselves."""

    def digest(self) -> str:
        """Identity of the whole content: equal when every name and every byte is."""

    def entries(self) -> list[Entry]:
        """All images, in an order that depends on the content alone."""

    def ignored(self) -> Counter[str]:
        """What `entries` left out, and how much of it: files by suffix, and labels that are no classes."""

    def read(self, entries: Sequence[Entry]) -> Iterator[RawImage]:
        """Read some entries, in the order given; fastest when that is the order of `entries()`.

        An image that cannot be read comes back with a problem. Trouble with the whole source raises SourceError, and so
        does what may be gone at the next attempt: a disk that fails, a file that changed since it was listed.
        """


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Say in a sentence that a container is damaged, whatever its reader raises on garbage (nearly anything)."""
    try:
        yield
    except SourceError:
        raise
    except FileNotFoundError as error:
        raise SourceError(f"{path} is not there any more: run again.") from error
    except Exception as error:
        if is_passing(error):
            raise cannot_be_read(path, error) from error
        problem = Rejected(Reason.unreadable, f"damaged or not whole: {error}"[:200])
        sentence = f"{path} is damaged or not whole ({error}): copy or download it again."
        raise BadContainer(sentence, problem) from error


def cannot_be_read(what: object, error: Exception) -> SourceError:
    """What to say when reading failed for a reason that may be gone at the next attempt."""
    why = error.strerror if isinstance(error, OSError) else error
    return SourceError(f"{what} cannot be read now ({why}): run again, what was done until then is kept.")


def hash_file(path: FilePath) -> str:
    """Hex sha256 of a file's bytes."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_lines(lines: Sequence[str]) -> str:
    """Hex sha256 of a list of strings, each ended so that no two lists collide."""
    return hashlib.sha256(b"".join(line.encode("utf-8", "surrogateescape") + b"\0" for line in lines)).hexdigest()
