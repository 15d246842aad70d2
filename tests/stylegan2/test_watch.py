"""When a training is beyond help, what a user is warned of, and what is measured beside the losses."""

import math
import statistics
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from stylegan2.augment.control import adjusted_strength
from stylegan2.grids import fixed_samples
from stylegan2.planning import plan
from stylegan2.settings import AugmentSettings, TrainingSettings
from stylegan2.state import initial_state
from stylegan2.training import Diverged, Tick, train
from stylegan2.watch import Line, Watch, failure, variety, warning

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
        ([0.1, 0.5, 0.8, 0.07, 0.07, 0.07, 0.07, 0.07], 12.0),  # lost for five ticks
        ([0.1, 0.5, 0.8, 0.07, 0.07, 0.07, 0.07], None),  # for four: it may come back
        ([0.8, 0.07, 0.07, 0.07, 0.2, 0.07, 0.07], None),  # it did
        ([0.9, 0.2, 0.2, 0.2, 0.2, 0.2], None),  # of random networks, which is no loss
        ([0.01, 0.02, 0.02, 0.02, 0.02, 0.02, 0.001], None),  # never had any: training has just begun
    ],
)
def test_a_generator_that_lost_its_variety_ends_a_training(diversity: list[float], since: float | None) -> None:
    found = failure(lines(diversity=diversity))
    assert (None if found is None else found.since_kimg) == since
    assert found is None or "shows 9% of the variety that it had" in found.reason


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
    for cap in (0.3, 0.7, 0.9):
        capped = settings.model_copy(update={"cap": cap})
        training = TrainingSettings(augment=capped)
        p = adjusted_strength(torch.tensor(cap), torch.tensor(1.0), 10**6, training).item()
        assert warning(lines(p=[p] * 5, r_t=[0.7] * 5), capped) is not None
    assert warning(at_cap, settings.model_copy(update={"mode": "fixed"})) is None
    assert warning(lines(p=[0.0] * 5, r_t=[0.7] * 5), settings.model_copy(update={"cap": 0.0})) is None


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
    rows = [fakes[first : first + 8] for first in range(0, 24, 8)]
    classes = [images[labels == label] for label in range(3)]
    expected, reals_vary = (
        statistics.mean(
            statistics.stdev(some[:, c, y, x].tolist())
            for some in parts
            for c in range(3)
            for y in range(16)
            for x in range(16)
        )
        for parts in (rows, classes)
    )
    assert found["diversity"] == pytest.approx(expected / reals_vary)


def test_no_more_images_are_watched_at_once_than_are_trained_on(logos: Logos, quick: TrainingSettings) -> None:
    images, labels = logos
    networks, row = plan(images, labels, quick)
    state = initial_state(networks, quick, row, 5, torch.device("cpu"))
    seen: list[int] = []
    state.discriminator.register_forward_pre_hook(lambda module, given: seen.append(len(given[0])))
    watch = Watch(images, labels, networks.deviation_group, torch.device("cpu"), at_once=12)
    found = watch.measure(state.discriminator, fixed_samples(state.average, 7))
    assert seen == [12, 12, 12, 4]
    with torch.no_grad():
        parts = torch.from_numpy(images).float().split(12), torch.from_numpy(labels).split(12)
        logits = torch.cat([state.discriminator(x / 127.5 - 1, y) for x, y in zip(*parts, strict=True)])
    assert found["watched_real_p50"] == pytest.approx(float(np.median(logits.numpy())), abs=1e-6)


def test_of_a_set_that_is_sorted_by_class_every_class_is_watched(quick: TrainingSettings) -> None:
    blank = np.full((1100, 3, 16, 16), 255, np.uint8)
    random = np.random.default_rng(0).integers(0, 256, (200, 3, 16, 16), dtype=np.uint8)
    images, labels = np.concatenate([blank, random]), np.repeat([0, 1], [1100, 200])
    networks, row = plan(images, labels, quick)
    state = initial_state(networks, quick, row, 5, torch.device("cpu"))
    seen: list[int] = []
    state.discriminator.register_forward_pre_hook(lambda module, given: seen.extend(given[1].tolist()))
    watch = Watch(images, labels, networks.deviation_group, torch.device("cpu"))
    found = watch.measure(state.discriminator, np.concatenate([blank[:8], random[:8]]))
    assert seen.count(1) / len(seen) == pytest.approx(200 / 1300, abs=0.05)
    assert found["diversity"] == pytest.approx(1, abs=0.05)


def test_a_picture_for_each_class_is_no_diversity(logos: Logos, quick: TrainingSettings) -> None:
    images, labels = logos
    networks, row = plan(images, labels, quick)
    state = initial_state(networks, quick, row, 5, torch.device("cpu"))
    watch = Watch(images, labels, networks.deviation_group, torch.device("cpu"))
    collapsed = np.repeat(images[[int(np.flatnonzero(labels == label)[0]) for label in range(3)]], 8, axis=0)
    assert watch.measure(state.discriminator, collapsed)["diversity"] < 1e-6
    assert variety(collapsed, None) > 10


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
    assert (tmp_path / "other" / "film.webp").is_file()
