"""What stages read of one another's small tables, apart from the code that makes these.

Code that a stage imports counts as its own: a table read through the task that made it would train the encoder anew
whenever the way that text is found is edited.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from logoflow.store.store import Artifact


def kept_ids(decisions: Artifact) -> list[str]:
    """Ids of the pictures without text, sorted."""
    table = pq.read_table(decisions.file("decisions.parquet"), columns=["id", "has_text"])
    return [row["id"] for row in table.to_pylist() if not row["has_text"]]


def write_vectors(path: Path, ids: list[str] | tuple[str, ...], vectors: NDArray[np.float32]) -> None:
    """Write ids and vectors `[N, D]` as a Parquet table."""
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
    pq.write_table(pa.table({"id": pa.array(list(ids)), "vector": column}), path, compression="none")


def read_vectors(path: Path) -> tuple[list[str], NDArray[np.float32]]:
    """Ids, sorted, and vectors `[N, D]`."""
    table = pq.read_table(path).combine_chunks()
    column = table["vector"].combine_chunks()
    vectors = column.flatten().to_numpy().reshape(len(table), -1)
    return table["id"].to_pylist(), vectors


def read_labels(artifact: Artifact) -> dict[str, int]:
    """Cluster of each id."""
    table = pq.read_table(artifact.file("labels.parquet"))
    return dict(zip(table["id"].to_pylist(), table["label"].to_pylist(), strict=True))


def kept_of_groups(duplicates: Artifact) -> dict[str, str]:
    """For each picture that goes, the one that stays in its place."""
    table = pq.read_table(duplicates.file("groups.parquet"), columns=["id", "kept"])
    return dict(zip(table["id"].to_pylist(), table["kept"].to_pylist(), strict=True))
