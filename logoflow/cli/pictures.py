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
        views: RGB `[H, W, 3]` on white, and over black as well where something white would not be seen on white.
        data: its bytes; empty where the source holds raw pixels.
        rank: which of the paths it came by, 0 for the first.
    """

    name: str
    views: "list[Pixels]"
    data: bytes
    rank: int

    @property
    def pixels(self) -> "Pixels":
        """On white."""
        return self.views[0]

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
    from data.images import Limits, Rejected, decode, views

    for rank, name, raw in _offered(paths):
        try:
            if raw.problem is not None:
                raise raw.problem
            pixels = raw.pixels if raw.data is None else decode(raw.data, Limits(min_side=1)).pixels
        except Rejected as problem:
            typer.echo(f"{name}: {problem}", err=True)
            yield Unreadable(name)
            continue
        assert pixels is not None
        yield Offered(name, views(pixels), raw.data or b"", rank)


def _offered(paths: Sequence[str]) -> Iterator[tuple[int, str, "RawImage"]]:
    """Rank, name and bytes of what the paths hold; of several folders or archives, names with the path before them."""
    from data.sources import Entry, RawImage, SourceError, open_source
    from data.sources.names import has_image_suffix

    def is_image(path: str) -> bool:
        return Path(path).is_file() and has_image_suffix(path)

    try:
        sources = {path: open_source(path, path) for path in paths if not is_image(path)}  # all, before any is read
        for rank, path in enumerate(paths):
            if is_image(path):
                yield rank, path, RawImage(Entry(path, 0, ""), data=Path(path).read_bytes())
                continue
            prefix = f"{path}/" if len(paths) > 1 and Path(path).suffix != ".parquet" else ""
            for raw in sources[path].read(sources[path].entries()):
                yield rank, f"{prefix}{raw.entry.name}", raw
    except SourceError as error:
        raise UserError(str(error)) from error
