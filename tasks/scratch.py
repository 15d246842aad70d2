"""Large arrays for the time of a stage: on the disk, so that memory does not limit how many images there are."""

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def scratch(shape: tuple[int, ...], folder: Path | None = None) -> NDArray[np.uint8]:
    """A memory-mapped uint8 array of zeros whose file has no name, so that it goes with the array or the process.

    Args:
        shape: of the array.
        folder: on whose disk it lies; else where the system keeps temporary files.
    """
    with tempfile.TemporaryFile(dir=folder) as file:
        return np.memmap(file, np.uint8, "w+", shape=shape)
