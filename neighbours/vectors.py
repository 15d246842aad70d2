"""Vectors at rest: a Parquet table of names and unit vectors."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray


def write_vectors(path: Path, names: Sequence[str], vectors: NDArray[np.float32], column: str = "id") -> None:
    """Write names, in a column called so, and vectors `[N, D]`, in one called vector: lists of float32.

    Floats hardly repeat, so a dictionary of them would only have to be looked up again.
    """
    ends = pa.array(np.arange(len(vectors) + 1, dtype=np.int32) * vectors.shape[1])
    values = pa.ListArray.from_arrays(ends, pa.array(vectors.ravel()))
    table = pa.table({column: pa.array(list(names), pa.string()), "vector": values})
    pq.write_table(table, path, compression="none", use_dictionary=False)


def read_vectors(path: Path, column: str = "id") -> tuple[list[str], NDArray[np.float32]]:
    """Names and vectors `[N, D]`, in the order of the file; the vectors are decoded, so they take memory."""
    with pq.ParquetFile(path, memory_map=True) as file:  # unlike read_table it loads no pandas
        table = file.read(use_threads=False).combine_chunks()
    vectors = table["vector"].combine_chunks()
    return table[column].to_pylist(), vectors.flatten().to_numpy().reshape(len(table), -1)
