"""Features for the tests: two overlapping clouds, small enough for naive loops."""

import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture
def real() -> NDArray[np.float64]:
    return np.random.default_rng(1).normal(size=(83, 7))


@pytest.fixture
def fake() -> NDArray[np.float64]:
    return np.random.default_rng(2).normal(loc=0.3, scale=1.2, size=(71, 7))
