"""Clusters of logos as the page and the map show them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from logoflow.store.store import Artifact
from neighbours.describe import centrality
from neighbours.kmeans import Clustering


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

    @cached_property
    def cosines(self) -> NDArray[np.float64]:
        """Cosine of each vector with the mean of its cluster, `[N]`."""
        return centrality(self.vectors, self.found.labels, self.k)
