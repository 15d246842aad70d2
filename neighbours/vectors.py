"""Vectors at rest: ids, unit vectors of an encoder and, beside them, outlines, in a file that is mapped into memory."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


def with_outlines(vectors: Vectors, outlines: Vectors, weight: float) -> Vectors:
    """Describe pictures by an encoder's vectors and, beside them, their outlines times a weight.

    Args:
        vectors: of length 1, `[N, D]`.
        outlines: of the same pictures, of length 1 or 0, `[N, L]`.
        weight: of the outlines; 1: as much as the vectors, 0: none.

    Returns:
        Unit vectors `[N, D + L]`; `[N, D]`, as they are, where the weight is 0.
    """
    if not weight:
        return vectors
    both = np.concatenate([vectors, np.float32(weight) * outlines], axis=1)
    both /= np.linalg.norm(both, axis=1, keepdims=True)
    return both


def write_vectors(path: Path, ids: Sequence[str], vectors: Vectors, outlines: Vectors | None = None) -> None:
    """Write ids, vectors `[N, D]` and outlines `[N, L]` as an Arrow file, which is read without being decoded."""
    columns: dict[str, pa.Array] = {"id": pa.array(list(ids), pa.string()), "vector": _lists(vectors)}
    if outlines is not None:
        columns["outlines"] = _lists(outlines)
    table = pa.table(columns)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def read_vectors(path: Path) -> tuple[list[str], Vectors, Vectors]:
    """Ids, vectors `[N, D]` and outlines `[N, L]`, in the order of the file; both are maps of it, not to be written to.

    L is 0 where the file has no outlines.
    """
    table = pa.ipc.open_file(pa.memory_map(str(path))).read_all().combine_chunks()
    vectors = _array(table["vector"])
    outlines = _array(table["outlines"]) if "outlines" in table.schema.names else vectors[:, :0]
    return table["id"].to_pylist(), vectors, outlines


def _lists(rows: Vectors) -> pa.FixedSizeListArray:
    return pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), rows.shape[1])


def _array(column: pa.ChunkedArray) -> Vectors:
    width = column.type.list_size
    if not len(column):
        return np.empty((0, width), np.float32)
    return np.asarray(column.chunk(0).flatten().to_numpy(zero_copy_only=True).reshape(-1, width))
