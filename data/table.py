"""The image table: one row per distinct picture, in Parquet shards that Hugging Face datasets shows as pictures."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

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


@dataclass(frozen=True, order=True)
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


@dataclass(frozen=True)
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


def write_shard(path: Path, rows: Iterable[Picture]) -> None:
    """Write rows, in the order given, as one Parquet file whose bytes depend on nothing but the rows.

    The images are compressed already, so pages are stored as they are and reading them is a copy.
    """
    table = pa.Table.from_pylist([to_arrow(row) for row in rows], schema=schema())
    pq.write_table(table, path, compression="none", row_group_size=256, use_dictionary=["mode", "licence"])


def read_shard(path: Path, images: bool = True) -> list[Picture]:
    """Read the rows of a shard.

    Args:
        path: file that `write_shard` wrote.
        images: False leaves `Picture.data` empty and does not read the bytes from disk.
    """
    columns = [name for name in _COLUMNS if name != "image"] + ["image" if images else "image.path"]
    with pq.ParquetFile(path) as shard:
        return [from_arrow(row) for row in shard.read(columns=columns, use_threads=False).to_pylist()]


def to_arrow(row: Picture) -> dict[str, Any]:
    """A row in the types that pyarrow takes; labels sorted, so that equal rows are equal bytes."""
    return {
        "id": row.id,
        "pixel_sha256": row.pixel_sha256,
        "image": {"bytes": row.data, "path": row.path},
        "width": row.width,
        "height": row.height,
        "mode": row.mode,
        "origins": [vars(origin) for origin in row.origins],
        "labels": [{"name": name, "value": value} for name, value in sorted(row.labels.items())],
        "licence": row.licence,
    }


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
