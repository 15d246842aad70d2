"""Perceptual path length where it is known."""

import numpy as np
import pytest

from evaluation.smoothness import perceptual_path_length


def test_it_is_the_squared_speed_without_the_extremes() -> None:
    random = np.random.default_rng(0)
    start = random.standard_normal((1000, 8))
    speeds = np.linspace(1, 2, 1000)
    directions = random.standard_normal((1000, 8))
    directions *= (speeds / np.linalg.norm(directions, axis=1))[:, None]
    lengths = np.sort(speeds**2)
    found = perceptual_path_length(start, start + 1e-4 * directions, 1e-4)
    assert found == pytest.approx(lengths[9:990].mean(), rel=1e-6)  # from the 1 % point to the 99 % point
    jump = directions.copy()
    jump[0] *= 1e6
    assert perceptual_path_length(start, start + 1e-4 * jump, 1e-4) == pytest.approx(found, rel=0.01)
    with pytest.raises(ValueError, match="10 beginnings and 9 ends are no steps"):
        perceptual_path_length(start[:10], start[:9], 1e-4)
