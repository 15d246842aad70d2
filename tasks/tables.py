"""What stages read of one another's small tables, apart from the code that makes these.

Code that a stage imports counts as its own: a table read through the task that made it would train the encoder anew
whenever the way that text is found is edited.
"""

import pyarrow.parquet as pq

from logoflow.store.store import Artifact


def kept_ids(decisions: Artifact) -> list[str]:
    """Ids of the pictures without text, sorted."""
    table = pq.read_table(decisions.file("decisions.parquet"), columns=["id", "has_text"])
    return [row["id"] for row in table.to_pylist() if not row["has_text"]]


def read_labels(artifact: Artifact) -> dict[str, int]:
    """Cluster of each id."""
    table = pq.read_table(artifact.file("labels.parquet"))
    return dict(zip(table["id"].to_pylist(), table["label"].to_pylist(), strict=True))


def kept_of_groups(duplicates: Artifact) -> dict[str, str]:
    """For each picture that goes, the one that stays in its place."""
    table = pq.read_table(duplicates.file("groups.parquet"), columns=["id", "kept"])
    return dict(zip(table["id"].to_pylist(), table["kept"].to_pylist(), strict=True))
