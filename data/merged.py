"""The image table with its images as one folder of Parquet files, laid out as Hugging Face datasets opens it."""

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from data.table import Picture, ShardWriter

FILE_BYTES = 256 * 10**6

# What a row takes beside its image, and each of its origins beside its name: rather too much than too little.
_ROW_BYTES, _ORIGIN_BYTES = 512, 64


def write_merged(folder: Path, rows: Iterable[Picture], file_bytes: int = FILE_BYTES) -> list[Path]:
    """Write rows to `data/train-00000-of-00007.parquet` and so on in a folder that appears when all are written.

    Args:
        folder: which is new, or empty.
        rows: with their images, in the order that the files have.
        file_bytes: of one file at most, passed only by a single image that is larger.

    Returns:
        The files.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as draft:
        parts = _write_parts(Path(draft), rows, file_bytes)
        target = Path(draft, "whole", "data")
        target.mkdir(parents=True)
        names = [f"train-{number:05d}-of-{len(parts):05d}.parquet" for number in range(len(parts))]
        for part, name in zip(parts, names, strict=True):
            part.rename(target / name)
        if folder.exists():
            folder.rmdir()
        shutil.move(target.parent, folder)
    return [folder / "data" / name for name in names]


def _write_parts(folder: Path, rows: Iterable[Picture], file_bytes: int) -> list[Path]:
    """Write rows to files of a bounded size, and say which."""
    parts: list[Path] = []
    pending = iter(rows)
    row = next(pending, None)
    while row is not None:
        parts.append(folder / f"{len(parts)}.parquet")
        with ShardWriter(parts[-1]) as writer:
            taken = 0
            while row is not None and (not taken or taken + _bytes(row) <= file_bytes):
                writer.add(row)
                taken += _bytes(row)
                row = next(pending, None)
    return parts


def _bytes(row: Picture) -> int:
    """What a row takes in a file."""
    origins = sum(len(origin.name) + len(origin.source) + _ORIGIN_BYTES for origin in row.origins)
    return len(row.data) + origins + sum(map(len, row.labels)) + _ROW_BYTES
