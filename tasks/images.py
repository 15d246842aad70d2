"""Reading pictures of the image table: shard by shard for units, by id for everything else."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.index import read_index, read_places
from data.pixels import load_square, rgb
from data.squares import SquareKind
from data.table import SHARD, Picture, read_shard
from logoflow.config.sections import CurateConfig
from logoflow.machine import library_version
from logoflow.store.store import Artifact, Store
from tasks.scratch import scratch


@dataclass(frozen=True)
class Shard:
    """One shard of a table, and which of its rows the table lists."""

    artifact: Artifact
    ids: tuple[str, ...]

    @property
    def path(self) -> Path:
        """Its file, on the machine that asks."""
        return self.artifact.file(SHARD)

    def with_squares(self, kind: SquareKind) -> Path:
        """Its file, with the squares beside it if ingest left such; then the file itself is not needed."""
        if kind.file not in self.artifact.manifest.files:
            return self.path
        return self.artifact.file(kind.file).with_name(SHARD)

    @property
    def content(self) -> str:
        """Digest of what it holds."""
        return self.artifact.content


def read_table(table: Artifact) -> list[Picture]:
    """The rows of the image table, sorted by id, without their images."""
    return read_index(table.file("images.parquet"))


def shard_of_each(table: Artifact) -> dict[str, str]:
    """The shard unit, as `kind/fingerprint`, that holds each accepted id; the source with priority wins."""
    return read_places(table.file("entries.parquet"))


def shards(table: Artifact, store: Store, ids: Sequence[str]) -> list[Shard]:
    """The shards that hold these ids, in a fixed order; the ids of each sorted."""
    where = shard_of_each(table)
    members = defaultdict(list)
    for i in sorted(ids):
        members[where[i]].append(i)
    return [Shard(artifact, tuple(members[unit])) for unit in sorted(members) if (artifact := store.unit(unit))]


def square_kind(config: CurateConfig) -> SquareKind:
    """The squares that the training set is made of; ingest leaves them beside each shard."""
    return SquareKind(config.resolution, config.channels, config.background, f"torch{library_version('torch')}")


def read_rows(shard: Shard) -> list[Picture]:
    """The rows of a shard that the table lists, with their images, in the order of `shard.ids`."""
    rows = {row.id: row for row in read_shard(shard.path)}
    return [rows[i] for i in shard.ids]


def load_squares(
    table: Artifact, store: Store, ids: Sequence[str], size: int, folder: Path | None = None
) -> NDArray[np.uint8]:
    """Pictures by id as squares of one size on white, RGB `[N, 3, size, size]`, in the order of `ids`.

    With a folder they lie on its disk, memory-mapped.
    """
    place = {i: n for n, i in enumerate(ids)}
    shape = (len(ids), 3, size, size)
    squares = np.empty(shape, np.uint8) if folder is None else scratch(shape, folder)
    for shard in shards(table, store, ids):
        squares[[place[i] for i in shard.ids]] = load_square(read_rows(shard), size)
    return squares


def load_pictures(store: Store, places: Sequence[tuple[str, str]]) -> list[NDArray[np.uint8]]:
    """Pictures at their own size, RGB `[H, W, 3]`, by (id, shard unit), in that order."""
    rows: dict[str, Picture] = {}
    wanted = {i for i, _ in places}
    for unit in sorted({unit for _, unit in places}):
        rows |= {row.id: row for row in read_shard(store.unit(unit).file(SHARD)) if row.id in wanted}
    return [rgb(rows[i]) for i, _ in places]
