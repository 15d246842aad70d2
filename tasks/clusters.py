"""Clusters of logos as the page and the map show them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from logoflow.store.store import Artifact, Store
from neighbours.describe import centrality
from neighbours.kmeans import Clustering
from tasks.images import load_squares

TILE = 80

Rows = NDArray[np.int64]
Squares = NDArray[np.uint8]
"""Logos on white, `[N, 3, TILE, TILE]`."""


@dataclass(frozen=True)
class Clusters:
    """What was clustered, and how.

    Attributes:
        table: the image table.
        ids: of the pictures, `[N]`.
        vectors: unit vectors `[N, D]`.
        found: the clusters.
        scores: mean silhouette by number of clusters.
    """

    table: Artifact
    ids: Sequence[str]
    vectors: NDArray[np.float32]
    found: Clustering
    scores: dict[int, float]

    @property
    def k(self) -> int:
        """Number of clusters."""
        return len(self.found.centroids)

    @property
    def labels(self) -> NDArray[np.int64]:
        """Cluster of each picture, `[N]`."""
        return self.found.labels

    @cached_property
    def cosines(self) -> NDArray[np.float64]:
        """Cosine of each vector with the mean of its cluster, `[N]`."""
        return centrality(self.vectors, self.labels, self.k)

    def outwards(self, number: int) -> Rows:
        """Rows of a cluster, the most central first."""
        members = np.flatnonzero(self.labels == number)
        return members[np.argsort(-self.cosines[members], kind="stable")]


@dataclass(frozen=True)
class Logos:
    """Pictures of some rows, loaded in one pass over the shards; a pass for each sheet would read them all again."""

    rows: Rows
    squares: Squares

    @classmethod
    def load(cls, clusters: Clusters, store: Store, rows: Sequence[Rows]) -> "Logos":
        """Load the pictures of all these rows."""
        wanted = np.unique(np.concatenate(rows))
        return cls(wanted, load_squares(clusters.table, store, [clusters.ids[row] for row in wanted], TILE))

    def of(self, rows: Rows) -> Squares:
        """The pictures of rows among those loaded, in that order."""
        return self.squares[np.searchsorted(self.rows, rows)]
