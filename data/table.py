"""The image table: one row per distinct picture, in Parquet shards that Hugging Face datasets shows as pictures."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

SHARD = "shard.parquet"
"""What a shard is called in the folder that a store keeps it in."""

# A row group ends after so many rows or encoded bytes: the most that writing a shard holds in memory.
_GROUP_ROWS = 256
_GROUP_BYTES = 16 * 2**20

_COLUMNS = {
    "id": pa.string(),
    "pixel_sha256": pa.string(),
    "image": pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
    "width": pa.int32(),
    "height": pa.int32(),
    "mode": pa.string(),
    "origins": pa.list_(pa.struct([("source", pa.string()), ("name", pa.string()), ("position", pa.int64())])),
    # Not an Arrow map, although it is one: Hugging Face datasets refuses those.
    "labels": pa.list_(pa.struct([("name", pa.string()), ("value", pa.int64())])),
    "licence": pa.string(),
}


@dataclass(frozen=True, order=True, slots=True)
class Origin:
    """One place that a picture came from.

    Attributes:
        source: the source's name in the configuration.
        name: the picture's name there: relative path, member, or the name column.
        position: its index in a container; 0 for a file of a folder.
    """

    source: str
    name: str
    position: int


@dataclass(frozen=True, slots=True)
class Picture:
    """One row of the image table.

    Attributes:
        id: sha256 of the source bytes; of shape and pixels where the source holds raw arrays.
        pixel_sha256: sha256 of what the picture shows (see data.images.pixel_sha256).
        data: the encoded image as it came; PNG where the source holds raw arrays. Empty when read without images.
        path: file name to show for it.
        width: px, upright.
        height: px, upright.
        mode: L, LA, RGB or RGBA after decoding.
        origins: every place it came from, the first being the one whose bytes are kept.
        labels: label name → class, as the source gives them.
        licence: as the source states it; empty when it does not.
    """

    id: str
    pixel_sha256: str
    data: bytes
    path: str
    width: int
    height: int
    mode: str
    origins: tuple[Origin, ...]
    labels: dict[str, int] = field(default_factory=dict)
    licence: str = ""


def schema() -> pa.Schema:
    """Arrow schema of the table, with the metadata that makes Hugging Face datasets decode the image column."""
    features = {"image": {"_type": "Image"}}
    return pa.schema(_COLUMNS, metadata={"huggingface": json.dumps({"info": {"features": features}})})


class ShardWriter:
    """Writes rows, in the order given, as one Parquet file whose bytes depend on nothing but the rows.

    The images are compressed already, so pages are stored as they are and reading them is a copy. A row group at a time
    is in memory.
    """

    def __init__(self, path: Path) -> None:
        self._file = pq.ParquetWriter(
            path, schema(), compression="none", use_dictionary=["mode", "licence"], write_statistics=["id"]
        )
        self._rows: list[Picture] = []
        self._bytes = 0

    def __enter__(self) -> "ShardWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._flush()
        self._file.close()

    def add(self, row: Picture) -> None:
        """Write one row, now or with those that follow."""
        self._rows.append(row)
        self._bytes += len(row.data)
        if len(self._rows) == _GROUP_ROWS or self._bytes >= _GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._file.write_table(to_arrow(self._rows))
        self._rows, self._bytes = [], 0


def write_shard(path: Path, rows: Iterable[Picture]) -> None:
    """Write rows as `ShardWriter` does."""
    with ShardWriter(path) as shard:
        for row in rows:
            shard.add(row)


def read_shard(path: Path, images: bool = True) -> list[Picture]:
    """Read the rows of a shard.

    Args:
        path: file that `write_shard` wrote.
        images: False leaves `Picture.data` empty and does not read the bytes from disk.
    """
    columns = [name for name in _COLUMNS if name != "image"] + ["image" if images else "image.path"]
    with pq.ParquetFile(path) as shard:
        return [from_arrow(row) for row in shard.read(columns=columns, use_threads=False).to_pylist()]


def to_arrow(rows: Sequence[Picture]) -> pa.Table:
    """Rows as an Arrow table; labels sorted, so that equal rows are equal bytes."""
    columns = {
        "id": [row.id for row in rows],
        "pixel_sha256": [row.pixel_sha256 for row in rows],
        "image": pa.StructArray.from_arrays(
            [pa.array([row.data for row in rows], pa.binary()), pa.array([row.path for row in rows], pa.string())],
            ["bytes", "path"],
        ),
        "width": [row.width for row in rows],
        "height": [row.height for row in rows],
        "mode": [row.mode for row in rows],
        "origins": [[(origin.source, origin.name, origin.position) for origin in row.origins] for row in rows],
        "labels": [sorted(row.labels.items()) for row in rows],
        "licence": [row.licence for row in rows],
    }
    return pa.table(columns, schema())


def from_arrow(row: dict[str, Any]) -> Picture:
    """The inverse of `to_arrow`; columns of the image may be missing."""
    image = row.get("image", {})
    return Picture(
        id=row["id"],
        pixel_sha256=row["pixel_sha256"],
        data=image.get("bytes", b""),
        path=image.get("path", ""),
        width=row["width"],
        height=row["height"],
        mode=row["mode"],
        origins=tuple(Origin(**origin) for origin in row["origins"]),
        labels={label["name"]: label["value"] for label in row["labels"]},
        licence=row["licence"],
    )
