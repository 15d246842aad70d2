"""When a training is beyond help, what a user is warned of, and what is measured beside the losses."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from stylegan2.grids import fixed_samples
from stylegan2.planning import plan
from stylegan2.settings import AugmentSettings, TrainingSettings
from stylegan2.state import initial_state
from stylegan2.training import Diverged, Tick, train
from stylegan2.watch import Line, Watch, failure, warning

Logos = tuple[NDArray[np.uint8], NDArray[np.int64]]


def lines(**columns: list[float]) -> list[Line]:
    """A curve whose other numbers are healthy, a tick every 4 kimg."""
    count = max(len(values) for values in columns.values())
    healthy = {"diversity": 1.0, "loss_discriminator": 1.0, "p": 0.2, "r_t": 0.5}
    return [{"kimg": 4.0 * i} | healthy | {name: values[i] for name, values in columns.items()} for i in range(count)]


def test_numbers_that_are_not_finite_end_a_training_at_once() -> None:
    assert failure(lines(loss_generator=[1.0])) is None
    found = failure(lines(loss_generator=[1.0, math.nan]))
    assert found is not None
    assert found.reason.startswith("loss_generator is not finite: raise r1_gamma")
    assert found.since_kimg == 4.0


@pytest.mark.parametrize(
    ("diversity", "since"),
    [
        ([0.1, 0.5, 0.8, 0.1, 0.1, 0.1, 0.1, 0.1], 12.0),  # lost for five ticks
        ([0.1, 0.5, 0.8, 0.1, 0.1, 0.1, 0.1], None),  # for four: it may come back
        ([0.8, 0.1, 0.1, 0.1, 0.3, 0.1, 0.1], None),  # it did
        ([0.01, 0.02, 0.02, 0.02, 0.02, 0.02, 0.001], None),  # never had any: training has just begun
    ],
)
def test_a_generator_that_lost_its_variety_ends_a_training(diversity: list[float], since: float | None) -> None:
    found = failure(lines(diversity=diversity))
    assert (None if found is None else found.since_kimg) == since
    assert found is None or "shows 12% of the variety that it had" in found.reason


def test_a_discriminator_that_tells_all_apart_ends_a_training() -> None:
    assert failure(lines(loss_discriminator=[1.0, 0.001, 0.001, 0.001, 0.001])) is None
    found = failure(lines(loss_discriminator=[1.0] + [0.001] * 5))
    assert found is not None
    assert (found.since_kimg, "teaches nothing" in found.reason) == (4.0, True)


def test_overfitting_at_the_cap_is_a_warning() -> None:
    settings = AugmentSettings()
    at_cap = lines(p=[0.8] * 5, r_t=[0.7] * 5)
    assert "overfits (r_t 0.70) though p is at its cap of 0.8" in str(warning(at_cap, settings))
    assert failure(at_cap) is None
    assert warning(at_cap[:4], settings) is None
    assert warning(lines(p=[0.8] * 5, r_t=[0.7, 0.7, 0.5, 0.7, 0.7]), settings) is None
    assert warning(lines(p=[0.7] * 5, r_t=[0.7] * 5), settings) is None
    assert warning(at_cap, settings.model_copy(update={"mode": "fixed"})) is None


def test_what_is_watched_is_what_it_says(logos: Logos, quick: TrainingSettings) -> None:
    images, labels = logos
    networks, row = plan(images, labels, quick)
    state = initial_state(networks, quick, row, 5, torch.device("cpu"))
    fakes = fixed_samples(state.average, 7)
    watch = Watch(images, labels, networks.deviation_group, torch.device("cpu"))
    found = watch.measure(state.discriminator, fakes)
    with torch.no_grad():
        reals = torch.from_numpy(images).float() / 127.5 - 1
        logits = np.sort(state.discriminator(reals, torch.from_numpy(labels)).numpy())
    assert found["watched_real_p50"] == pytest.approx(np.median(logits), abs=1e-6)
    assert logits[1] <= found["watched_real_p05"] <= logits[2]  # of 40: between the 2nd and the 3rd smallest
    expected = np.mean([fakes[:, c, y, x].std() for c in range(3) for y in range(16) for x in range(16)])
    reals_vary = np.mean([images[:, c, y, x].std() for c in range(3) for y in range(16) for x in range(16)])
    assert found["diversity"] == pytest.approx(expected / reals_vary)


@pytest.mark.parametrize(("count", "group"), [(38, 4), (3, 4), (40, 0), (70, 32)])
def test_real_images_are_watched_in_whole_groups(logos: Logos, quick: TrainingSettings, count: int, group: int) -> None:
    images, labels = (np.resize(array, (count, *array.shape[1:])) for array in logos)
    settings = quick.model_copy(update={"batch": min(count, 32), "deviation_group": group})
    networks, row = plan(images, labels, settings.model_copy(update={"batch": 2, "deviation_group": min(group, 2)}))
    networks = networks.model_copy(update={"deviation_group": group})
    state = initial_state(networks, settings, row, 5, torch.device("cpu"))
    watch = Watch(images, labels, group, torch.device("cpu"))
    found = watch.measure(state.discriminator, fixed_samples(state.average, 7))
    assert np.isfinite(found["watched_real_p50"])


def test_a_training_that_diverges_names_the_last_good_snapshot(
    logos: Logos, quick: TrainingSettings, tmp_path: Path
) -> None:
    ticks: list[Tick] = []
    train(*logos, quick.model_copy(update={"total_kimg": 0.032}), 5, tmp_path, on_tick=ticks.append)
    assert all(tick.warning is None and tick.memory_mib > 100 for tick in ticks)
    with pytest.raises(Diverged, match=r"^After 0.016 kimg .* not finite: .*; there is no good snapshot\.$"):
        train(*logos, quick.model_copy(update={"learning_rate": 1e30}), 5, tmp_path / "other")
