"""Small networks and images for the tests of stylegan2."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from stylegan2.generator import Generator
from stylegan2.settings import AugmentSettings, NetworkSettings, TrainingSettings


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture
def reference() -> Path:
    """Folder of the reference numbers."""
    return Path(__file__).parent / "reference"


@pytest.fixture
def small() -> NetworkSettings:
    """Networks of a few thousand weights, with classes."""
    return NetworkSettings(
        width=16, height=16, classes=3, z_dim=8, w_dim=8, channel_base=64, channel_max=8, label_depth=2
    )


@pytest.fixture
def quick() -> TrainingSettings:
    """Steps of milliseconds, in which every phase and adjustment happens."""
    return TrainingSettings(
        total_kimg=0.08,
        batch=8,
        channel_base=64,
        channel_max=8,
        z_dim=8,
        w_dim=8,
        r1_interval=3,
        path_length_interval=2,
        decay_kimg=0.04,
        tick_kimg=0.016,
        grid_ticks=1,
        snapshot_ticks=1,
        augment=AugmentSettings(pipe="bgc", strength=0.3, speed_kimg=0.5, interval=2),
    )


@pytest.fixture
def logos() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Forty random pictures in three classes."""
    random = np.random.default_rng(0)
    return random.integers(0, 256, (40, 3, 16, 16), dtype=np.uint8), np.arange(40, dtype=np.int64) % 3


@pytest.fixture
def generator(small: NetworkSettings) -> Generator:
    """A generator whose noise is seen, with averages that are none of its w."""
    generator = Generator(small).eval().requires_grad_(False)
    generator.w_avg.normal_()
    generator.w_avg_by_class.normal_()
    for layer in generator.synthesis.convolutions:
        layer.noise_strength.fill_(0.3)  # type: ignore[union-attr, operator]
    return generator
