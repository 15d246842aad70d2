"""Training: the same bytes whether it was interrupted or not, and each part of a step against its formula."""

import functools
import json
import multiprocessing
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.testing import assert_close

from stylegan2.checkpoints import CheckpointError, load_discriminator, load_generator, save_network, snapshots
from stylegan2.generator import Generator
from stylegan2.images import TrainingImages
from stylegan2.phases import Trainer
from stylegan2.planning import plan
from stylegan2.settings import NetworkSettings, TrainingSettings
from stylegan2.state import TrainingState, initial_state, lazy_adam
from stylegan2.train import main
from stylegan2.training import Diverged, Tick, train

Logos = tuple[NDArray[np.uint8], NDArray[np.int64]]


def results(folder: Path) -> dict[str, bytes | list[dict[str, float]]]:
    """Everything that must not depend on interruptions: networks, the last snapshot, pictures, and the curve."""
    files = [*folder.glob("*.safetensors"), *(folder / "grids").iterdir(), *folder.glob("snapshots/*/state.*")]
    found: dict[str, bytes | list[dict[str, float]]] = {str(f.relative_to(folder)): f.read_bytes() for f in files}
    lines = [json.loads(line) for line in (folder / "curve.jsonl").read_text().splitlines()]
    timings = ("images_per_s", "wall_s", "memory_mib")
    found["curve"] = [{name: value for name, value in line.items() if name not in timings} for line in lines]
    return found


def start(logos: Logos, settings: TrainingSettings, folder: Path) -> multiprocessing.process.BaseProcess:
    """A training in a process of its own: this one may add up in other threads, and so to other last bits."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["stylegan2.training"])
    process = context.Process(target=train, args=(*logos, settings, 5, folder))
    process.start()
    return process


def test_a_training_killed_twice_ends_in_the_same_bytes(logos: Logos, quick: TrainingSettings, tmp_path: Path) -> None:
    unbroken = start(logos, quick, tmp_path / "unbroken")
    curve = tmp_path / "broken" / "curve.jsonl"
    for ticks in (1, 3):
        process = start(logos, quick, tmp_path / "broken")
        while process.is_alive() and not (curve.exists() and curve.read_text().count("\n") >= ticks):
            time.sleep(0.002)
        process.kill()
        process.join()
        assert process.exitcode == -9, "the training ended before it could be killed"
    last = start(logos, quick, tmp_path / "broken")
    last.join()
    unbroken.join()
    assert last.exitcode == unbroken.exitcode == 0
    assert len(snapshots(tmp_path / "broken" / "snapshots")) == quick.keep_snapshots
    assert results(tmp_path / "broken") == results(tmp_path / "unbroken")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_training_that_is_told_to_end_saves_a_snapshot_first(
    logos: Logos, quick: TrainingSettings, tmp_path: Path, number: signal.Signals
) -> None:
    rare = quick.model_copy(update={"total_kimg": 8.0, "snapshot_ticks": 1000})
    process = start(logos, rare, tmp_path / "told")
    curve = tmp_path / "told" / "curve.jsonl"
    while process.is_alive() and not (curve.exists() and curve.read_text().count("\n") >= 3):
        time.sleep(0.002)
    assert process.pid is not None
    os.kill(process.pid, number)
    process.join()
    assert process.exitcode == (1 if number == signal.SIGINT else -signal.SIGTERM)
    (snapshot,) = snapshots(tmp_path / "told" / "snapshots")
    told = json.loads((snapshot / "state.json").read_text())
    assert told["step"] >= 4
    assert not (tmp_path / "told" / "generator.safetensors").exists()
    end = rare.model_copy(update={"total_kimg": (told["step"] + 2) * 8 / 1000})
    for process in [start(logos, end, tmp_path / folder) for folder in ("told", "unbroken")]:
        process.join()
        assert process.exitcode == 0
    for name in ("generator.safetensors", "discriminator.safetensors"):
        assert (tmp_path / "told" / name).read_bytes() == (tmp_path / "unbroken" / name).read_bytes()


def test_training_on_after_the_end_equals_training_longer_at_once(
    logos: Logos, quick: TrainingSettings, tmp_path: Path
) -> None:
    short = quick.model_copy(update={"total_kimg": 0.032})
    train(*logos, short, 5, tmp_path / "twice")
    train(*logos, quick, 5, tmp_path / "twice")
    train(*logos, quick, 5, tmp_path / "once")
    assert results(tmp_path / "twice") == results(tmp_path / "once")


def test_a_finished_training_is_left_as_it_is(logos: Logos, quick: TrainingSettings, tmp_path: Path) -> None:
    quick = quick.model_copy(update={"total_kimg": 0.016})
    ticks: list[Tick] = []
    train(*logos, quick, 5, tmp_path, on_tick=ticks.append)
    before = results(tmp_path)
    train(*logos, quick, 5, tmp_path, on_tick=ticks.append)
    assert results(tmp_path) == before
    assert [tick.kimg for tick in ticks] == [0, 0.016]
    expected = {"loss_generator", "loss_discriminator", "r_t", "gradient_norm_generator", "path_length", "r1_penalty"}
    assert expected <= set(ticks[1].values)


def trainer(logos: Logos, settings: TrainingSettings) -> Trainer:
    images, labels = logos
    networks, row = plan(images, labels, settings)
    state = initial_state(networks, settings, row, 5, torch.device("cpu"), torch.float64)
    return Trainer(state, TrainingImages(images, labels, 5, torch.device("cpu")), settings, row, 5)


def networks_of(state: TrainingState) -> dict[str, torch.Tensor]:
    return {
        f"{prefix}.{name}": value
        for prefix, network in (("G", state.generator), ("D", state.discriminator), ("EMA", state.average))
        for name, value in network.state_dict().items()
    }


@pytest.mark.parametrize("pipe", ["bgc", "bgcfnc"])
def test_a_batch_in_shares_trains_as_the_whole_batch(quick: TrainingSettings, pipe: str) -> None:
    logos = np.random.default_rng(0).integers(0, 256, (20, 3, 24, 24), dtype=np.uint8), np.arange(20) % 2
    fixed = quick.augment.model_copy(update={"pipe": pipe})
    quick = quick.model_copy(update={"deviation_group": 2, "augment": fixed})
    whole, shared = trainer(logos, quick), trainer(logos, quick.model_copy(update={"micro_batch": 2}))
    for _ in range(3):
        whole.step()
        shared.step()
    theirs = networks_of(shared.state)
    for name, value in networks_of(whole.state).items():
        # float64 rounding is about 1e-14; where a gradient is zero, Adam's first step multiplies it by lr / eps = 2e5
        assert_close(theirs[name], value, rtol=0, atol=1e-7, msg=lambda text, name=name: f"{name}: {text}")
    assert_close(shared.state.path_length, whole.state.path_length, rtol=1e-6, atol=0)
    assert_close(shared.state.signs, whole.state.signs)


def test_compiled_networks_train_as_plain_ones(
    logos: Logos, quick: TrainingSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    traced = functools.partial(torch.compile, backend="aot_eager")  # all of it but the minutes of writing C++
    monkeypatch.setattr(torch, "compile", traced)
    plain, compiled = trainer(logos, quick), trainer(logos, quick.model_copy(update={"compiled": True}))
    for _ in range(2):  # the first step has every phase
        plain.step()
        compiled.step()
    theirs = networks_of(compiled.state)
    for name, value in networks_of(plain.state).items():
        assert_close(theirs[name], value, rtol=0, atol=1e-7, msg=lambda text, name=name: f"{name}: {text}")
    means = plain.meters.read()
    for name, value in compiled.meters.read().items():
        assert value == pytest.approx(means[name], rel=1e-9)


@pytest.mark.parametrize(
    ("shape", "wishes"),
    [
        ((4, 16, 32), {"mirror": True, "noise": False}),
        ((1, 24, 24), {"augment": {"pipe": "bgcfnc", "mode": "fixed", "strength": 0.5, "geometry": "bilinear"}}),
        ((3, 16, 16), {"preset": "cifar", "deviation_group": 8, "precision": "bfloat16"}),
        ((3, 16, 16), {"precision": "float16", "sampling": "balanced"}),
        ((3, 16, 16), {"deterministic": True}),
        ((3, 16, 16), {"unconditional_kimg": 0.004, "transition_kimg": 0.004}),
        ((3, 20, 12), {"augment": {"mode": "off"}, "deviation_group": 0, "classes": 0}),
    ],
)
def test_every_kind_of_picture_and_recipe_trains(
    quick: TrainingSettings, shape: tuple[int, int, int], wishes: dict[str, object], tmp_path: Path
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (24, *shape), dtype=np.uint8)
    settings = TrainingSettings.model_validate(quick.model_dump() | {"total_kimg": 0.016} | wishes)
    ticks: list[Tick] = []
    folder = train(images, np.arange(24) % 2, settings, 5, folder=tmp_path, on_tick=ticks.append)
    generator = load_generator(folder / "generator.safetensors")
    assert (generator.settings.channels, generator.settings.height, generator.settings.width) == shape
    assert all(np.isfinite(value) for value in ticks[-1].values.values())
    networks, row = plan(images, np.arange(24) % 2, settings)
    start = initial_state(networks, settings, row, 5, torch.device("cpu")).generator.state_dict()
    moved = [name for name, value in generator.state_dict().items() if not torch.equal(value, start[name])]
    still = [name for name, _ in generator.named_parameters() if name not in moved]
    assert still == [name for name in start if name.endswith("noise_strength") and not settings.noise]


def test_the_best_generator_and_its_snapshot_are_kept(logos: Logos, quick: TrainingSettings, tmp_path: Path) -> None:
    scores = iter([7.0, 5.0, 3.0, 4.0, 3.5, 6.0])
    ticks: list[Tick] = []
    train(*logos, quick, 5, tmp_path, on_tick=ticks.append, score=lambda generator: next(scores))
    assert [tick.values["score"] for tick in ticks] == [7.0, 5.0, 3.0, 4.0, 3.5, 6.0]
    assert json.loads((tmp_path / "best.json").read_text()) == {"nimg": 32, "score": 3.0}
    kept = snapshots(tmp_path / "snapshots")
    assert [int(path.name) for path in kept] == [32, 64, 80]
    best = load_file(kept[0] / "state.safetensors")
    for name, value in load_generator(tmp_path / "best.safetensors").state_dict().items():
        assert torch.equal(value, best[f"average.{name}"])
    for name, value in load_discriminator(tmp_path / "best-discriminator.safetensors").state_dict().items():
        assert torch.equal(value, best[f"discriminator.{name}"])


def test_a_training_that_does_not_get_better_ends(logos: Logos, quick: TrainingSettings, tmp_path: Path) -> None:
    patient = quick.model_copy(update={"patience": 2})
    scores = iter([5.0, 3.0, 4.0, 3.5, 1.0])
    ticks: list[Tick] = []
    for _ in range(2):  # begun again, it stays ended
        train(*logos, patient, 5, tmp_path, on_tick=ticks.append, score=lambda generator: next(scores))
    assert [tick.values["score"] for tick in ticks] == [5.0, 3.0, 4.0, 3.5]
    assert json.loads((tmp_path / "best.json").read_text())["score"] == 3.0
    with pytest.raises(ValueError, match="nothing scores this training: leave it out"):
        train(*logos, patient, 5, tmp_path)


def test_networks_that_are_given_are_kept_as_they_are_where_nothing_is_trained(
    logos: Logos, quick: TrainingSettings, tmp_path: Path
) -> None:
    train(*logos, quick, 5, tmp_path / "first")
    start = {"start_generator": tmp_path / "first" / "generator.safetensors"}
    start |= {"start_discriminator": tmp_path / "first" / "discriminator.safetensors"}
    settings = TrainingSettings.model_validate(quick.model_dump() | start | {"total_kimg": 0})
    ticks: list[Tick] = []
    train(*logos, settings, 6, tmp_path / "second", on_tick=ticks.append)
    for name in ("generator.safetensors", "discriminator.safetensors"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()
    assert [tick.kimg for tick in ticks] == [0]
    assert len(list((tmp_path / "second" / "grids").iterdir())) == 1
    with pytest.raises(ValueError, match="total_kimg is 0, which keeps a trained generator as it is: name"):
        TrainingSettings.model_validate(quick.model_dump() | {"total_kimg": 0})


def test_the_grids_become_a_film(logos: Logos, quick: TrainingSettings, tmp_path: Path) -> None:
    train(*logos, quick, 5, tmp_path)
    grids = sorted((tmp_path / "grids").glob("*.png"))
    with Image.open(tmp_path / "film.webp") as film, Image.open(grids[0]) as first:
        size = (5 * first.width, 5 * first.height)  # 135 px, enlarged to about 640
        assert (film.n_frames, film.size) == (len(grids), size)  # type: ignore[attr-defined]
        first = first.resize(size, Image.Resampling.BICUBIC)
        assert (
            np.abs(np.asarray(film.convert("RGB"), int) - np.asarray(first, int)).mean() < 20
        )  # lossy, and these pictures are noise


def test_events_are_written_for_tensorboard(logos: Logos, quick: TrainingSettings, tmp_path: Path) -> None:
    short = quick.model_copy(update={"total_kimg": 0.048})
    train(*logos, short, 5, tmp_path, events=tmp_path / "tensorboard")
    train(*logos, quick, 5, tmp_path, events=tmp_path / "tensorboard")
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()  # type: ignore[no-untyped-call]
    lines = [json.loads(line) for line in (tmp_path / "curve.jsonl").read_text().splitlines()]
    told = [(event.step, event.value) for event in events.Scalars("loss_generator")]
    assert told == [(line["step"], pytest.approx(line["loss_generator"], rel=1e-6)) for line in lines if line["step"]]
    assert events.Images("grid")


def test_adam_is_corrected_for_lazy_regularisation() -> None:
    network = torch.nn.Linear(2, 2)
    group = lazy_adam(network, 0.0025, 4).param_groups[0]
    assert group["lr"] == pytest.approx(0.0020)
    assert group["betas"] == (0.0, pytest.approx(0.99199, abs=1e-5))
    group = lazy_adam(network, 0.0025, 16).param_groups[0]
    assert group["lr"] == pytest.approx(0.002353, abs=1e-6)
    assert group["betas"][1] == pytest.approx(0.99059, abs=1e-5)
    assert lazy_adam(network, 0.0025, None).param_groups[0]["lr"] == 0.0025


def test_the_discriminator_may_learn_at_a_rate_of_its_own(logos: Logos, quick: TrainingSettings) -> None:
    plain = {"discriminator_learning_rate": 0.01, "r1_gamma": 0.0, "path_length_weight": 0.0}
    state = trainer(logos, quick.model_copy(update=plain)).state
    assert state.discriminator_optimizer.param_groups[0]["lr"] == 0.01
    assert state.generator_optimizer.param_groups[0]["lr"] == 0.0025


def test_learning_rates_fall_with_the_square_root_of_the_images(logos: Logos, quick: TrainingSettings) -> None:
    running = trainer(logos, quick.model_copy(update={"decay_kimg": 0.016, "discriminator_learning_rate": 0.01}))
    optimizers = {
        "G": (running.state.generator_optimizer, 0.0025 * 2 / 3),  # path lengths every second step
        "D": (running.state.discriminator_optimizer, 0.01 * 3 / 4),  # gradient penalty every third
    }
    used: dict[str, list[float]] = {"G": [], "D": []}
    for name, (optimizer, _) in optimizers.items():
        optimizer.register_step_pre_hook(lambda adam, *_, name=name: used[name].append(adam.param_groups[0]["lr"]))
    for step in (1, 5, 7, 71):
        running.state.step = step
        running.step()
    for name, (_, rate) in optimizers.items():
        assert used[name] == pytest.approx([rate, rate * (2 / 5) ** 0.5, rate * (2 / 7) ** 0.5, rate * (2 / 71) ** 0.5])


def test_a_step_of_adam_is_that_of_its_paper() -> None:
    network = torch.nn.Conv2d(3, 5, 3).to(torch.float64, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = lazy_adam(network, 0.0025, 4)
    images = torch.randn(2, 3, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    (lr, (_, beta2)) = (optimizer.param_groups[0][name] for name in ("lr", "betas"))
    expected, second = network.weight.detach().clone(), 0.0
    for step in range(1, 4):
        optimizer.zero_grad()
        network(images).square().sum().backward()
        assert network.weight.grad is not None
        gradient = network.weight.grad.clone()
        second = beta2 * second + (1 - beta2) * gradient.square()  # Kingma and Ba, algorithm 1, where beta1 is 0
        expected -= lr * gradient / ((second / (1 - beta2**step)).sqrt() + 1e-8)
        optimizer.step()
        assert_close(network.weight.detach(), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("clip", [False, True])
def test_clipped_pictures_are_judged_as_they_are_saved(logos: Logos, quick: TrainingSettings, clip: bool) -> None:
    augment = quick.augment.model_copy(update={"mode": "off"})
    running = trainer(logos, quick.model_copy(update={"clip": clip, "augment": augment}))
    judged: list[float] = []
    running.state.discriminator.register_forward_pre_hook(
        lambda _, given: judged.append(float(given[0].detach().abs().max()))
    )
    with torch.no_grad():
        running.state.generator.get_parameter("synthesis.pictures.0.bias").fill_(2.0)
    running.step()
    assert max(judged) <= 1 if clip else max(judged) > 1.5


def test_the_average_generator_has_the_published_half_life(logos: Logos, quick: TrainingSettings) -> None:
    running = trainer(logos, quick)
    running.row = replace(running.row, ema_kimg=62.5, ema_ramp=0.0, batch=200)
    const = running.state.average.synthesis.const
    with torch.no_grad():
        const.fill_(0.0)
        running.state.generator.synthesis.const.fill_(1.0)
    running._average_generator()
    assert float(const.mean()) == pytest.approx(1 - 0.99778, abs=1e-5)  # batch 200, 62.5 kimg
    running.row = replace(running.row, ema_ramp=0.05)
    running.state.step = 10
    with torch.no_grad():
        const.fill_(0.0)
    running._average_generator()
    assert float(const.mean()) == pytest.approx(1 - 0.5 ** (200 / (0.05 * 2000)))


def test_p_is_adjusted_every_few_steps_by_the_sign_of_r_t(logos: Logos, quick: TrainingSettings) -> None:
    running = trainer(logos, quick)
    running.step()
    assert float(running.state.strength) == pytest.approx(0.3)
    signs = float(running.state.signs[0])
    assert float(running.state.signs[1]) == 16  # a main pass and, at step 0, one with gradient penalty
    running.step()
    r_t = (signs + running.meters.read()["r_t"] * 24 - signs) / 24
    step = 8 * 2 / 500
    assert float(running.state.strength) == pytest.approx(0.3 + (step if r_t > 0.6 else -step))
    assert running.state.signs.tolist() == [0, 0]


def test_a_folder_with_another_training_is_refused(logos: Logos, quick: TrainingSettings, tmp_path: Path) -> None:
    quick = quick.model_copy(update={"total_kimg": 0.008})
    train(*logos, quick, 5, tmp_path)
    with pytest.raises(ValueError, match="holds a training whose seed is 5, not 6: choose another folder"):
        train(*logos, quick, 6, tmp_path)
    for wishes, sentence in [
        ({"learning_rate": 0.1}, "whose recipe.learning_rate is 0.0025, not 0.1"),
        ({"augment": quick.augment.model_copy(update={"pipe": "bg"})}, "whose settings.augment.pipe is bgc, not bg"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            train(*logos, quick.model_copy(update=wishes), 5, tmp_path)
    images, labels = logos
    for others in ((images[::-1], labels), (images, (labels + 1) % 3)):
        with pytest.raises(ValueError, match="holds a training whose content is "):
            train(*others, quick, 5, tmp_path)
    train(*logos, quick.model_copy(update={"keep_snapshots": 5}), 5, tmp_path)  # which changes no result
    claim = json.loads((tmp_path / "run.json").read_text())
    del claim["settings"]["micro_batch"]  # as by a version that did not have this setting yet
    (tmp_path / "run.json").write_text(json.dumps(claim))
    train(*logos, quick, 5, tmp_path)
    (tmp_path / "run.json").write_text("")
    with pytest.raises(ValueError, match=r"run\.json is missing or damaged: delete the folder"):
        train(*logos, quick, 5, tmp_path)


def test_two_processes_do_not_train_in_one_folder(logos: Logos, quick: TrainingSettings, tmp_path: Path) -> None:
    refused: list[str] = []

    def meanwhile(tick: Tick) -> None:
        with pytest.raises(ValueError, match=r"Another process trains in .*: wait for its end, or choose") as error:
            train(*logos, quick, 5, tmp_path)
        refused.append(str(error.value))

    train(*logos, quick, 5, tmp_path, on_tick=meanwhile)
    assert len(refused) == 6


def test_a_set_of_very_many_classes_has_its_networks_and_a_film(quick: TrainingSettings, tmp_path: Path) -> None:
    many = quick.model_copy(update={"total_kimg": 0.008, "classes": 1000})
    train(np.zeros((8, 3, 16, 16), np.uint8), np.arange(8), many, 5, tmp_path)
    with Image.open(tmp_path / "film.webp") as film:
        assert film.height <= 16383 < 1000 * 17 < film.height * 1.1
    assert load_generator(tmp_path / "generator.safetensors").settings.classes == 1000


def test_everything_is_deterministic_where_that_is_asked_for(
    logos: Logos, quick: TrainingSettings, tmp_path: Path
) -> None:
    settings = quick.model_copy(update={"total_kimg": 0.016, "deterministic": True})
    asked: list[bool] = []
    train(*logos, settings, 5, tmp_path, on_tick=lambda _: asked.append(torch.are_deterministic_algorithms_enabled()))
    assert asked == [True, True]  # the first one before any step, when a GPU settles how it multiplies
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_training_that_could_not_begin_leaves_its_folder_free(
    logos: Logos, quick: TrainingSettings, tmp_path: Path
) -> None:
    quick = quick.model_copy(update={"total_kimg": 0.008})
    wrong = {"start_discriminator": tmp_path / "none.safetensors"}
    with pytest.raises(CheckpointError):
        train(*logos, quick.model_copy(update=wrong), 5, tmp_path / "out")
    train(*logos, quick, 5, tmp_path / "out")


def test_a_training_whose_losses_are_not_finite_stops_with_advice(
    logos: Logos, quick: TrainingSettings, tmp_path: Path
) -> None:
    with pytest.raises(Diverged, match=r"kimg .* not finite: raise r1_gamma or lower learning_rate; .* snapshot"):
        train(*logos, quick.model_copy(update={"learning_rate": 1e30, "augment": quick.augment}), 5, tmp_path)


def test_images_and_labels_that_do_not_fit_are_refused(logos: Logos, quick: TrainingSettings) -> None:
    images, labels = logos
    with pytest.raises(ValueError, match="batch of 64 is larger than the set of 40"):
        plan(images, labels, quick.model_copy(update={"batch": 64}))
    with pytest.raises(ValueError, match="2 classes need one label from 0 to 1"):
        plan(images, labels, quick.model_copy(update={"classes": 2}))
    with pytest.raises(ValueError, match=r"give uint8 of shape \[N, C, H, W\]"):
        plan(images.astype(np.float32), labels, quick)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"band filter of augment.pipe bgcf needs 22 pixels"):
        plan(images, labels, quick.model_copy(update={"augment": quick.augment.model_copy(update={"pipe": "bgcf"})}))
    for wrong in (labels[:, None], labels + 0.5):
        with pytest.raises(ValueError, match="give one whole number for each image"):
            plan(images, wrong, quick)
    assert plan(images, labels, quick)[0].classes == 3
    assert plan(images, labels, quick.model_copy(update={"classes": 0}))[0].classes == 0
    assert plan(images, None, quick)[0].classes == 0


def test_a_damaged_snapshot_is_named_and_the_one_before_serves(
    logos: Logos, quick: TrainingSettings, tmp_path: Path
) -> None:
    train(*logos, quick, 5, tmp_path)
    before = results(tmp_path)
    newest = snapshots(tmp_path / "snapshots")[-1]
    weights = newest / "state.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x07")
    with pytest.raises(CheckpointError, match="delete this folder to go on from the one before"):
        train(*logos, quick, 5, tmp_path)
    for file in newest.iterdir():
        file.unlink()
    newest.rmdir()
    train(*logos, quick, 5, tmp_path)
    assert results(tmp_path) == before


def test_networks_are_written_with_their_settings(small: NetworkSettings, tmp_path: Path) -> None:
    generator = Generator(small)
    save_network(tmp_path / "g.safetensors", generator)
    read = load_generator(tmp_path / "g.safetensors")
    assert read.settings == small
    assert not read.training
    for name, value in generator.state_dict().items():
        assert torch.equal(read.state_dict()[name], value)
    with pytest.raises(CheckpointError, match="another kind of network"):
        load_discriminator(tmp_path / "g.safetensors")
    with pytest.raises(CheckpointError, match="no network at"):
        load_generator(tmp_path / "nothing.safetensors")
    (tmp_path / "text.safetensors").write_text("text")
    with pytest.raises(CheckpointError, match="no safetensors file"):
        load_generator(tmp_path / "text.safetensors")


def test_the_command_trains_and_refuses_what_it_does_not_understand(
    logos: Logos, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "logos.npy", logos[0])
    place = ["--data", str(tmp_path / "logos.npy"), "--out", str(tmp_path / "out")]
    sizes = ["--channel-base", "64", "--channel-max", "8", "--z-dim", "8", "--w-dim", "8"]
    assert main([*place, *sizes, "--batch", "8", "--total-kimg", "0.016", "--augment.pipe", "bg"]) == 0
    assert load_generator(tmp_path / "out" / "generator.safetensors").settings.classes == 0
    assert "img/s" in capsys.readouterr().out
    assert main([*place, "--batch", "many", "--augment.cap", "2"]) == 2
    errors = capsys.readouterr().err
    assert "--batch is many" in errors
    assert "--augment.cap is 2" in errors
    assert main([*place, "--device", "nowhere"]) == 2
    assert "--device nowhere is not there: choose cpu" in capsys.readouterr().err
    assert main(["--data", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out")]) == 2
    assert "neither a folder nor an .npy or .zip file" in capsys.readouterr().err
    assert main([*place, "--frozen-blocks", "1"]) == 2
    assert capsys.readouterr().err.startswith("frozen_blocks is 1, but no block has learnt anything yet")
    (tmp_path / "file").write_text("")
    assert main(["--data", str(tmp_path / "logos.npy"), "--out", str(tmp_path / "file")]) == 2
    assert capsys.readouterr().err == f"{tmp_path / 'file'}: File exists; choose another --out or --data.\n"


def test_the_command_says_what_it_trains_on_and_where_nothing_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "logos.npy", np.zeros((8, 3, 16, 16), np.uint8))
    np.save(tmp_path / "logos.labels.npy", np.array([0, 0, 2, 2, 5, 5, 5, 5]))
    command = ["--data", str(tmp_path / "logos.npy"), "--out", str(tmp_path / "out"), "--device", "cpu"]
    command += ["--batch", "4", "--channel-max", "8"]
    assert main([*command, "--total-kimg", "0.008"]) == 0
    told = capsys.readouterr().out
    assert told.startswith(
        "8 images of shape (3, 16, 16), 3 classes and 3 numbers below the last one's that no image has"
    )
    assert "Nothing was left" not in told
    assert main([*command, "--total-kimg", "0.004"]) == 0
    assert "Nothing was left to train: it has already seen 0.004 kimg or more." in capsys.readouterr().out
