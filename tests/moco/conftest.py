"""Small images and settings for tests of the training: a step takes milliseconds."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from moco.settings import EncoderSettings


@pytest.fixture
def settings() -> EncoderSettings:
    return EncoderSettings(
        width=4, resolution=16, dimensions=8, epochs=4, batch=16, queue=32, normalisation_groups=2, snapshot_steps=3
    )


@pytest.fixture
def images() -> NDArray[np.uint8]:
    """Images `[64, 3, 16, 16]`, each a coloured rectangle of its own on white."""
    random = np.random.default_rng(0)
    pictures = np.full((64, 3, 16, 16), 255, np.uint8)
    for picture in pictures:
        top, left = random.integers(0, 8, 2)
        height, width = random.integers(4, 9, 2)
        picture[:, top : top + height, left : left + width] = random.integers(0, 200, (3, 1, 1))
    return pictures


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    """Two threads only wait for each other on networks this small."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
