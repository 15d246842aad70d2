"""Squares of one size beside a shard: what the training set takes of it, kept so that no picture is decoded twice.

Compressed as fast as they can be; logos become a quarter of their raw size.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from data.images import ADMITTED, RGB, Pixels, decode
from data.pixels import fit_rgb, fit_rgba
from data.table import read_shard

_GROUP_ROWS = 64
_COLUMNS = pa.schema([("id", pa.string()), ("pixels", pa.binary())])


@dataclass(frozen=True)
class SquareKind:
    """Which squares.

    Attributes:
        side: in px.
        channels: "rgb" composites on the background; "rgba" keeps the alpha, and pads with nothing.
        background: 0 to 255 per channel.
        made_by: the version of what resamples; other versions may round otherwise.
    """

    side: int
    channels: str
    background: RGB
    made_by: str

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        return len(self.channels), self.side, self.side

    @property
    def file(self) -> str:
        """What the file of a shard's squares is called."""
        colour = "".join(f"{value:02x}" for value in self.background) if self.channels == "rgb" else "clear"
        return f"squares-{self.side}-{colour}-{self.made_by}.parquet"

    def fit(self, pixels: Pixels) -> NDArray[np.uint8]:
        """Fit a decoded picture into a square, `[C, S, S]`: aspect kept, centred, padded."""
        if self.channels == "rgb":
            return fit_rgb(pixels, self.side, self.background)
        return fit_rgba(pixels, self.side)


class SquaresWriter:
    """Writes squares with the ids of their pictures; a row group at a time is in memory."""

    def __init__(self, path: Path) -> None:
        self._file = pq.ParquetWriter(path, _COLUMNS, compression="lz4", use_dictionary=False, write_statistics=False)
        self._rows: list[tuple[str, bytes]] = []

    def __enter__(self) -> "SquaresWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._flush()
        self._file.close()

    def add(self, identity: str, square: NDArray[np.uint8]) -> None:
        """Write one square, now or with those that follow."""
        self._rows.append((identity, square.tobytes()))
        if len(self._rows) == _GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            columns = [list(column) for column in zip(*self._rows, strict=True)]
            self._file.write_table(pa.table(columns, _COLUMNS))
        self._rows = []


def read_squares(shard: Path, kind: SquareKind, ids: Sequence[str]) -> NDArray[np.uint8]:
    """Squares of some pictures of a shard, `[N, C, S, S]`: those that lie beside it, or else made from its images."""
    squares = np.empty((len(ids), *kind.shape), np.uint8)
    place = {i: n for n, i in enumerate(ids)}
    beside = shard.with_name(kind.file)
    if beside.exists():
        with pq.ParquetFile(beside) as file:
            for batch in file.iter_batches(_GROUP_ROWS, use_threads=False):
                for i, pixels in zip(batch["id"].to_pylist(), batch["pixels"], strict=True):
                    if i in place:
                        squares[place[i]] = np.frombuffer(pixels.as_buffer(), np.uint8).reshape(kind.shape)
        return squares
    for row in read_shard(shard):
        if row.id in place:
            squares[place[row.id]] = kind.fit(decode(row.data, ADMITTED).pixels)
    return squares
