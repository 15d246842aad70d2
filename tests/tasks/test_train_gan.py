"""train_gan: the part of the training set that is trained on."""

import numpy as np
import pytest

from logoflow.config.sections import TrainGanConfig
from tasks.train_gan import some_of


@pytest.mark.parametrize("wanted", [None, 50, 80])
def test_all_images_are_trained_on_unless_fewer_are_wanted(wanted: int | None) -> None:
    assert np.arange(50)[some_of(50, TrainGanConfig(images=wanted, seed=0))].tolist() == list(range(50))


def test_a_part_is_drawn_by_the_seed_and_spread_over_all() -> None:
    first, again, other = (some_of(5000, TrainGanConfig(images=1000, seed=seed)) for seed in (0, 0, 1))
    chosen = np.arange(5000)[first]
    assert chosen.tolist() == sorted(set(chosen.tolist()))
    assert len(chosen) == 1000
    assert np.array_equal(chosen, np.arange(5000)[again])
    assert not np.array_equal(chosen, np.arange(5000)[other])
    assert abs(np.mean(chosen) - 2499.5) < 4 * np.sqrt(5000**2 / 12 / 1000)  # as far as a fair draw may lie
