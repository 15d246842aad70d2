"""Vectors at rest: a Parquet table of names, unit vectors of an encoder and, beside them, outlines."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


def with_outlines(vectors: Vectors, outlines: Vectors, weight: float) -> Vectors:
    """Describe pictures by an encoder's vectors and, beside them, their outlines times a weight.

    Args:
        vectors: of length 1, `[N, D]`.
        outlines: of the same pictures, of length 1 or 0, `[N, L]`.
        weight: of the outlines; 1: as much as the vectors, 0: none.

    Returns:
        Unit vectors `[N, D + L]`; `[N, D]` where the weight is 0.
    """
    if not weight:
        return vectors
    both = np.concatenate([vectors, np.float32(weight) * outlines], axis=1)
    both /= np.linalg.norm(both, axis=1, keepdims=True)
    return both


def write_vectors(
    path: Path, names: Sequence[str], vectors: Vectors, outlines: Vectors | None = None, column: str = "id"
) -> None:
    """Write names, in a column called so, and vectors `[N, D]` and outlines `[N, L]`, lists of float32.

    Floats hardly repeat, so a dictionary of them would only have to be looked up again.
    """
    columns = {column: pa.array(list(names), pa.string()), "vector": _lists(vectors)}
    if outlines is not None:
        columns["outlines"] = _lists(outlines)
    pq.write_table(pa.table(columns), path, compression="none", use_dictionary=False)


def read_vectors(path: Path, outlines: float = 0, column: str = "id") -> tuple[list[str], Vectors]:
    """Names and vectors `[N, D]`, in the order of the file; they are decoded, so they take memory.

    Args:
        path: what `write_vectors` wrote.
        outlines: weight of the outlines beside the vectors (`with_outlines`), if the file has any.
        column: of the names.
    """
    with pq.ParquetFile(path, memory_map=True) as file:  # unlike read_table it loads no pandas
        beside = ["outlines"] if outlines and "outlines" in file.schema_arrow.names else []
        table = file.read([column, "vector", *beside], use_threads=False).combine_chunks()
    names = table[column].to_pylist()
    found, *others = (_array(table[name]) for name in ("vector", *beside))
    return names, with_outlines(found, others[0], outlines) if others else found


def read_outlines(path: Path) -> Vectors:
    """The outlines `[N, L]`, in the order of the file."""
    with pq.ParquetFile(path, memory_map=True) as file:
        return _array(file.read(["outlines"], use_threads=False)["outlines"])


def _lists(rows: Vectors) -> pa.ListArray:
    ends = pa.array(np.arange(len(rows) + 1, dtype=np.int32) * rows.shape[1])
    return pa.ListArray.from_arrays(ends, pa.array(rows.ravel()))


def _array(column: pa.ChunkedArray) -> Vectors:
    return np.asarray(column.combine_chunks().flatten().to_numpy().reshape(len(column), -1))
