"""Pictures as they are compared: vectors that propose, thumbnails and sizes that decide."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from neighbours.gist import Gists, gists


@dataclass(frozen=True)
class Described:
    """Pictures as they are compared.

    Attributes:
        vectors: unit vectors `[N, D]`.
        thumbnails: uint8 `[N, 3, S, S]`, aspect kept, centred on white, S at least 64; may be memory-mapped.
        sizes: width and height of the pictures that they were made from, int64 `[N, 2]`.
    """

    vectors: NDArray[np.float32]
    thumbnails: NDArray[np.uint8]
    sizes: NDArray[np.int64]

    @cached_property
    def gists(self) -> Gists:
        """Their gists, made when they are first asked for."""
        return gists(self.thumbnails)

    @cached_property
    def silhouettes(self) -> Gists:
        """The gists of their silhouettes, which other colours do not change; made when they are first asked for."""
        return gists(self.thumbnails, channels=1)
