"""Parquet files with an image column, as Hugging Face datasets lays them out."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data.limits import MAX_ENCODED_BYTES, Reason, Rejected
from data.sources.source import Entry, HashFile, RawImage, SourceError, hash_lines, reading

_IMAGE_COLUMNS = ("image", "png", "jpg", "jpeg", "webp")
_NAME_COLUMNS = ("name", "file_name", "filename")
_LICENCE_COLUMNS = ("licence", "license")
_LABEL_COLUMNS = ("label", "labels")
_BATCH_ROWS = 64


class ParquetSource:
    """Rows of one Parquet file, or of all below a folder; images as struct<bytes, path> or plain binary."""

    def __init__(self, name: str, path: Path, licence: str, hash_file: HashFile) -> None:
        self.name = name
        self.licence = licence
        self._root = Path(path)
        self._files = sorted(Path(path).rglob("*.parquet")) if Path(path).is_dir() else [Path(path)]
        self._sha256 = {file: hash_file(file) for file in self._files}

    def digest(self) -> str:
        """Identity of all files, in the order of their paths."""
        return hash_lines([self._sha256[file] for file in self._files])

    def entries(self) -> list[Entry]:
        """One entry per row: its name is the name column's, else the path in the image column, else `#row`.

        It begins with that of the file where there are several, or two rows of one number and name would be the same.
        """
        entries = [entry for file in self._files for entry in self._entries_of(file)]
        if not entries:
            raise SourceError(f"The source {self.name} holds no rows: give Parquet files with an image column.")
        return entries

    def ignored(self) -> Counter[str]:
        """Nothing: every row is offered."""
        return Counter()

    def read(self, entries: Sequence[Entry]) -> Iterator[RawImage]:
        """Read rows in batches; rows in file order cost one pass."""
        files = {sha256: file for file, sha256 in self._sha256.items()}
        for sha256, run in groupby(entries, key=lambda entry: entry.version.rpartition(":")[0]):
            yield from _read_rows(files[sha256], list(run))

    def _entries_of(self, file: Path) -> Iterator[Entry]:
        """Entries of one file."""
        with reading(file), pq.ParquetFile(file) as parquet:
            image, is_struct = _image_column(file, parquet.schema_arrow)
            name = _first(_NAME_COLUMNS, parquet.schema_arrow)
            column = name or (f"{image}.path" if is_struct else None)
            named = parquet.read(columns=[column], use_threads=False)[0].to_pylist() if column else []
            container = "" if file == self._root else file.relative_to(self._root).as_posix()
            for position in range(parquet.metadata.num_rows):
                value = named[position] if named else None
                label = value.get("path") if isinstance(value, dict) else value
                own = f"#{position}" if label in (None, "") else f"/{label}"
                own = f"{container or file.name}{own}" if container or own[0] == "#" else own[1:]
                yield Entry(own, position, f"{self._sha256[file]}:{position}", container=container)


def _image_column(file: Path, schema: pa.Schema) -> tuple[str, bool]:
    """Name of the column with the images, and whether it is a struct with a path: as the table says, else by name."""
    names = [*_of_type(schema, "Image"), *_IMAGE_COLUMNS]
    for name in (name for name in names if name in schema.names):
        kind = schema.field(name).type
        if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0 and _is_bytes(kind.field("bytes").type):
            return name, kind.get_field_index("path") >= 0
        if _is_bytes(kind):
            return name, False
    raise SourceError(
        f"{file} has no column of images: name it image or png and make it binary or struct<bytes, path>; "
        f"it has {', '.join(schema.names)}."
    )


def _label_columns(schema: pa.Schema) -> list[str]:
    """Columns of integers that are classes: as the table says, and by name."""
    names = dict.fromkeys([*_of_type(schema, "ClassLabel"), *_LABEL_COLUMNS])
    return [name for name in names if name in schema.names and pa.types.is_integer(_plain(schema.field(name).type))]


def _of_type(schema: pa.Schema, kind: str) -> list[str]:
    """The columns that Hugging Face's description of a table, if it has one, gives a type."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return [name for name, feature in features.items() if feature.get("_type") == kind]
    except (KeyError, TypeError, AttributeError, ValueError):
        return []


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type of a column's values, also where each distinct one is stored once."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _is_bytes(kind: pa.DataType) -> bool:
    """Whether values of a type are bytes."""
    plain = _plain(kind)
    return bool(pa.types.is_binary(plain) or pa.types.is_large_binary(plain) or pa.types.is_binary_view(plain))


def _first(names: Sequence[str], schema: pa.Schema) -> str | None:
    """The first of the names that the schema has."""
    return next((name for name in names if name in schema.names), None)


def _read_rows(file: Path, entries: Sequence[Entry]) -> Iterator[RawImage]:
    """Read rows of one file, in the order given."""
    with reading(file), pq.ParquetFile(file) as parquet:
        schema = parquet.schema_arrow
        image, _ = _image_column(file, schema)
        licence = _first(_LICENCE_COLUMNS, schema)
        labels = _label_columns(schema)
        columns = [image, *([licence] if licence else []), *labels]
        for entry, row in _pick(parquet, columns, entries):
            yield _raw_image(entry, row, image, licence, labels)


def _pick(
    parquet: pq.ParquetFile, columns: list[str], entries: Sequence[Entry]
) -> Iterator[tuple[Entry, dict[str, Any]]]:
    """Walk the row groups that hold the entries, batch by batch; a step back starts again from its row group."""
    group_of: list[int] = []  # of each row
    first_of: list[int] = []  # row of each group
    for group in range(parquet.num_row_groups):
        first_of.append(len(group_of))
        group_of += [group] * parquet.metadata.row_group(group).num_rows

    for group, run in groupby(entries, key=lambda entry: group_of[entry.position]):
        start, batch, rows = first_of[group], None, iter(())
        for entry in run:
            if batch is None or entry.position < start:
                rows = parquet.iter_batches(_BATCH_ROWS, row_groups=[group], columns=columns, use_threads=False)
                start, batch = first_of[group], next(rows)
            while entry.position >= start + batch.num_rows:
                start, batch = start + batch.num_rows, next(rows)
            yield entry, batch.slice(entry.position - start, 1).to_pylist()[0]


def _raw_image(entry: Entry, row: dict[str, Any], image: str, licence: str | None, labels: Sequence[str]) -> RawImage:
    """Turn a row into a raw image, or into one with a problem."""
    value = row[image]
    data = value.get("bytes") if isinstance(value, dict) else value
    problem = None
    if data is None:
        # A path without bytes points at the machine that wrote the table.
        problem = Rejected(Reason.unreadable, "the row holds no bytes: embed the images in the table")
    elif len(data) > MAX_ENCODED_BYTES:
        data, problem = None, Rejected(Reason.bomb, f"more than {MAX_ENCODED_BYTES} bytes")
    return RawImage(
        entry,
        data=data,
        labels={name: row[name] for name in labels if row[name] is not None and row[name] < 2**63},
        licence=str(row[licence]) if licence and row[licence] is not None else None,
        problem=problem,
    )
