"""The nearest logos of a finished run: its vectors and what its other tables say of the logos found."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from logoflow.errors import UserError
from logoflow.resolve import Workspace
from logoflow.status import find_run
from logoflow.store.store import Artifact
from neighbours.vectors import read_vectors, with_outlines

LEAST_OF_AN_ID = 4  # characters that may stand for a whole id
SHORT = 12  # characters of an id that are shown
CANDIDATES = 8  # ids that are named where several logos are meant


@dataclass(frozen=True)
class Collection:
    """The logos that a run embedded.

    Attributes:
        embedded: the artifact of embed.
        table: the artifact of ingest that it was made from.
        ids: of the logos, sorted.
        vectors: unit vectors of the encoder, `[N, D]`, mapped.
        outlines: `[N, L]`, mapped.
        weight: of the outlines beside the vectors (`neighbours.vectors.with_outlines`).
    """

    embedded: Artifact
    table: Artifact
    ids: list[str]
    vectors: NDArray[np.float32]
    outlines: NDArray[np.float32]
    weight: float

    def described(self, row: int) -> NDArray[np.float32]:
        """The vector of a logo, outlines beside it, `[D + L]`; `[D]` where they weigh nothing."""
        rows = slice(row, row + 1)
        (described,) = with_outlines(self.vectors[rows], self.outlines[rows], self.weight)
        return np.asarray(described)

    def cosines(self, query: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of all logos, outlines beside their vectors, with a vector that is described alike, `[N]`.

        Put together, the vectors of all logos would have to be copied; their products need not.
        """
        width = self.vectors.shape[1]
        product: NDArray[np.float32] = self.vectors @ query[:width]
        if self.weight:
            lengths = np.sqrt(1 + self.weight**2 * np.einsum("nd,nd->n", self.outlines, self.outlines))
            product = (product + self.weight * (self.outlines @ query[width:])) / lengths
        return product


def open_collection(space: Workspace, weight: float = 0, run: str | None = None) -> Collection:
    """The logos of a run.

    Args:
        space: a store.
        weight: of the outlines beside the vectors.
        run: its id, or the beginning; None for the last one that embedded logos or found them embedded.

    Raises:
        UserError: there is none.
    """
    store = space.store
    embedded = last_used(space, "embed") if run is None else used_by(space, run, "embed")
    if embedded is None:
        raise UserError(f"{store.place} holds no embedded logos: run the pipeline first, or name its --store.")
    record = embedded.manifest.inputs["ingest"]
    table = store.find("ingest", record.fingerprint)
    if table is None:
        raise UserError(
            f"the image table that the vectors were made from is gone from {store.place}: run ingest again."
        )
    return Collection(embedded, table, *read_vectors(embedded.file("vectors.arrow")), weight)


def encoder_of(space: Workspace, collection: Collection) -> Path:
    """The file of the encoder that logos were embedded by.

    Raises:
        UserError: it is gone.
    """
    trained = space.store.find("train_encoder", collection.embedded.manifest.inputs["train_encoder"].fingerprint)
    if trained is None:
        raise UserError(
            f"the encoder that the logos were embedded by is gone from {space.store.root}: run the pipeline again."
        )
    return trained.file("encoder.safetensors")


def last_used(space: Workspace, stage: str) -> Artifact | None:
    """The artifact that the last run which finished a stage built or found there.

    Not the one that was built last: a run may find what was built long before.
    """
    event = space.ledger.last_answer(None, stage)
    return space.store.find(stage, event.data["fingerprint"]) if event else None


def used_by(space: Workspace, run: str, stage: str) -> Artifact | None:
    """The artifact of a stage that a run, by its id or its beginning, built or found there.

    Raises:
        UserError: no run or several are meant.
    """
    return space.store.find(stage, find_run(space.ledger, run, or_file=True).stages[stage].fingerprint)


def row_of(collection: Collection, wanted: str) -> int:
    """The row of the logo with a name, an id, or the beginning of one.

    Raises:
        UserError: none or several have it.
    """
    named = set(ids_named(collection.table, wanted))
    rows = [row for row, i in enumerate(collection.ids) if i in named]
    if not rows and len(wanted) >= LEAST_OF_AN_ID:
        rows = [row for row, i in enumerate(collection.ids) if i.startswith(wanted)]
    if not rows:
        raise UserError(
            f"no logo without text has the id or name {wanted}: give an image's path, or an id (see --json)."
        )
    if len(rows) > 1:
        ids = ", ".join(collection.ids[row][:SHORT] for row in rows[:CANDIDATES])
        more = ", ..." if len(rows) > CANDIDATES else ""
        raise UserError(f"{len(rows)} logos have the id or name {wanted}: give one of the ids {ids}{more}.")
    return rows[0]


def nearest(collection: Collection, query: NDArray[np.float32], k: int) -> list[dict[str, Any]]:
    """The k logos nearest to a unit vector that is described alike, the nearest first, with Euclidean distances."""
    cosines = collection.cosines(query)
    first = np.argpartition(-cosines, min(k, len(cosines) - 1))[:k]
    order = first[np.argsort(-cosines[first], kind="stable")]
    origins = origins_of(collection.table, [collection.ids[row] for row in order])
    return [
        {
            "row": int(row),
            "id": collection.ids[row],
            "distance": round(float(np.sqrt(max(0.0, 2 - 2 * float(cosines[row])))), 4),
            **origins[collection.ids[row]],
        }
        for row in order
    ]


def with_clusters(space: Workspace, collection: Collection, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same rows with the cluster of each logo and what it is a copy of, where those stages ran on these vectors."""
    ids = [row["id"] for row in found]
    clusters = _told_by(space, collection, "cluster", "labels.parquet", "label", ids)
    originals = _told_by(space, collection, "deduplicate", "groups.parquet", "kept", ids)
    return [{**row, "cluster": clusters.get(row["id"]), "copy_of": originals.get(row["id"])} for row in found]


def origins_of(table: Artifact, ids: list[str]) -> dict[str, dict[str, str]]:
    """Name and source of pictures by id: where each came from first."""
    found = _rows_with(table.file("images.parquet"), "id", ids, ["id", "origins"])
    return {
        row["id"]: {"name": row["origins"][0]["name"], "source": row["origins"][0]["source"]}
        for row in found.to_pylist()
    }


def ids_named(table: Artifact, name: str) -> list[str]:
    """Ids of the pictures that came under a name, from any source."""
    with pq.ParquetFile(table.file("images.parquet")) as file:
        rows = file.read(columns=["id", "origins.list.element.name"], use_threads=False).combine_chunks()
    origins = rows["origins"].combine_chunks()
    hits = pc.equal(origins.flatten().field("name"), name)
    parents = pc.list_parent_indices(origins).filter(hits)
    found: list[str] = rows["id"].take(parents).to_pylist()
    return found


def _told_by(
    space: Workspace, collection: Collection, stage: str, file: str, column: str, ids: list[str]
) -> dict[str, Any]:
    """What a column says of logos by id, where a stage was last done on these vectors."""
    made = last_used(space, stage)
    if made is None or made.manifest.inputs["embed"].content != collection.embedded.content:
        return {}
    table = _rows_with(made.file(file), "id", ids, ["id", column])
    return dict(zip(table["id"].to_pylist(), table[column].to_pylist(), strict=True))


def _rows_with(path: Path, column: str, values: list[str], columns: list[str]) -> pa.Table:
    """The rows of a Parquet table that hold one of the values."""
    with pq.ParquetFile(path) as file:
        table = file.read(columns=columns, use_threads=False)
    return table.filter(pc.is_in(table[column], pa.array(values, pa.string())))
