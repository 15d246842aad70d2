"""The quarantine table: what was turned away, from where, and why."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data.images import Reason

SCHEMA = pa.schema(
    {"source": pa.string(), "name": pa.string(), "position": pa.int64(), "reason": pa.string(), "detail": pa.string()}
)


@dataclass(frozen=True)
class Quarantined:
    """One image that did not enter the table.

    Attributes:
        source: the source's name in the configuration.
        name: the image's name there.
        position: its index in a container; 0 for a file of a folder.
        reason: one of the closed list.
        detail: what was found, for people.
    """

    source: str
    name: str
    position: int
    reason: Reason
    detail: str


def write_quarantine(path: Path, rows: Iterable[Quarantined]) -> None:
    """Write rows, in the order given, as one Parquet file."""
    table = pa.Table.from_pylist([{**vars(row), "reason": row.reason.value} for row in rows], schema=SCHEMA)
    pq.write_table(table, path, compression="none")


def read_quarantine(path: Path) -> list[Quarantined]:
    """Read what `write_quarantine` wrote."""
    rows = pq.read_table(path, use_threads=False).to_pylist()
    return [Quarantined(**{**row, "reason": Reason(row["reason"])}) for row in rows]
