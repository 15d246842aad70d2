"""Any images as commands take them: single files, or anything that ingest reads."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from logoflow.errors import UserError

if TYPE_CHECKING:
    from data.images import Pixels
    from data.sources import RawImage


@dataclass(frozen=True)
class Offered:
    """One image of those that were named.

    Attributes:
        name: what its source calls it; the path of a single file.
        pixels: RGB `[H, W, 3]` on white.
        data: its bytes; empty where the source holds raw pixels.
    """

    name: str
    pixels: "Pixels"
    data: bytes

    @property
    def width(self) -> int:
        """In px."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """In px."""
        return int(self.pixels.shape[0])


@dataclass(frozen=True)
class Unreadable:
    """One that cannot be read, which was told on stderr."""

    name: str


def read_pictures(paths: Sequence[str]) -> Iterator[Offered | Unreadable]:
    """Everything that the paths offer, one after the other.

    Raises:
        UserError: a path is not there or no source.
    """
    from data.images import Limits, Rejected, decode, flatten

    for raw in _offered(paths):
        try:
            if raw.problem is not None:
                raise raw.problem
            pixels = raw.pixels if raw.data is None else decode(raw.data, Limits(min_side=1)).pixels
        except Rejected as problem:
            typer.echo(f"{raw.entry.name}: {problem}", err=True)
            yield Unreadable(raw.entry.name)
            continue
        assert pixels is not None
        yield Offered(raw.entry.name, flatten(pixels), raw.data or b"")


def _offered(paths: Sequence[str]) -> Iterator["RawImage"]:
    """What the paths hold, unread."""
    from data.sources import Entry, RawImage, SourceError, open_source
    from data.sources.names import has_image_suffix

    try:
        for path in paths:
            if Path(path).is_file() and has_image_suffix(path):
                yield RawImage(Entry(path, 0, ""), data=Path(path).read_bytes())
            else:
                source = open_source(path, path)
                yield from source.read(source.entries())
    except SourceError as error:
        raise UserError(str(error)) from error
