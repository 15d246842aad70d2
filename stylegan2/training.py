"""Training from the first step, or from the last snapshot, to the end."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylegan2.augment.bands import SMALLEST
from stylegan2.augment.pipe import PIPES
from stylegan2.checkpoints import load_snapshot, save_network, save_snapshot, snapshots
from stylegan2.files import write_atomically, write_json
from stylegan2.generator import Generator
from stylegan2.grids import save_grid, to_uint8
from stylegan2.images import TrainingImages
from stylegan2.phases import Trainer
from stylegan2.presets import Recipe, network_settings, recipe
from stylegan2.settings import Channels, NetworkSettings, TrainingSettings
from stylegan2.state import TrainingState, initial_state
from stylegan2.streams import stream

GRID_COLUMNS = 8


@dataclass(frozen=True)
class Tick:
    """A progress report; also one line of curve.jsonl.

    Attributes:
        step: steps done.
        kimg: thousand real images that the discriminator has seen.
        total_kimg: how many it will have seen in the end.
        p: strength of the augmentation.
        values: means since the last report: losses, logits, r_t, gradient norms, path length.
        images_per_s: since the last report.
        wall_s: seconds since this process began to train.
    """

    step: int
    kimg: float
    total_kimg: float
    p: float
    values: dict[str, float]
    images_per_s: float
    wall_s: float


class Diverged(RuntimeError):
    """Training gives numbers that are not finite."""


def train(
    images: NDArray[np.uint8],
    labels: NDArray[np.int64] | None,
    settings: TrainingSettings,
    seed: int,
    folder: Path,
    device: str = "cpu",
    on_tick: Callable[[Tick], None] | None = None,
) -> Path:
    """Train a generator and a discriminator; go on from the last snapshot in `folder`, if there is one.

    Args:
        images: uint8 `[N, C, H, W]`; may be a memory map.
        labels: class of each image, 0 or larger, `[N]`; None trains without classes.
        settings: what to do.
        seed: of every random number.
        folder: receives generator.safetensors (the averaged one), discriminator.safetensors, curve.jsonl (one line a
            tick), grids/*.png, real.png, run.json and snapshots/.
        device: where to compute, such as "cpu" or "cuda".
        on_tick: called with every progress report.

    Returns:
        The folder.

    Raises:
        ValueError: images, labels and settings do not fit together, or the folder holds another run.
        Diverged: a loss is no longer finite.
    """
    networks, row = plan(images, labels, settings)
    folder.mkdir(parents=True, exist_ok=True)
    _claim(folder, settings, networks, row, seed, len(images))
    state = initial_state(networks, settings, row, seed, torch.device(device))
    _resume(folder, state, row)
    data = TrainingImages(
        images, labels if networks.classes else None, seed, torch.device(device), mirror=settings.mirror
    )
    trainer = Trainer(state, data, settings, row, seed)
    if not (folder / "real.png").exists():
        save_grid(folder / "real.png", _real_examples(images, labels, networks.classes), GRID_COLUMNS)

    # Train tick by tick. Ticks and snapshots are counted in steps, so that a run that went on has the same ones.
    total_steps = math.ceil(settings.total_kimg * 1000 / row.batch)
    tick_steps = max(1, round(settings.tick_kimg * 1000 / row.batch))
    start_s = last_s = monotonic()
    start_step = state.step
    while state.step < total_steps:
        trainer.step()
        done = state.step == total_steps
        if state.step % tick_steps and not done:
            continue

        # Report.
        now_s = monotonic()
        tick = Tick(
            step=state.step,
            kimg=state.step * row.batch / 1000,
            total_kimg=total_steps * row.batch / 1000,
            p=float(state.strength),
            values=trainer.meters.read(),
            images_per_s=(state.step - start_step) * row.batch / (now_s - last_s),
            wall_s=now_s - start_s,
        )
        _append_to_curve(folder, tick)
        if on_tick is not None:
            on_tick(tick)
        if not all(math.isfinite(value) for value in tick.values.values()):
            raise Diverged(_advice(folder, tick))
        start_step, last_s = state.step, now_s

        # Draw and save.
        ticks = state.step // tick_steps
        if ticks % settings.grid_ticks == 0 or done:
            save_grid(_grid_path(folder, state.step * row.batch), grid_images(state.average, seed), GRID_COLUMNS)
        if ticks % settings.snapshot_ticks == 0 or done:
            save_snapshot(folder / "snapshots", state, state.step * row.batch, settings.keep_snapshots)

    save_network(folder / "generator.safetensors", state.average)
    save_network(folder / "discriminator.safetensors", state.discriminator)
    return folder


def plan(
    images: NDArray[np.uint8], labels: NDArray[np.int64] | None, settings: TrainingSettings
) -> tuple[NetworkSettings, Recipe]:
    """Check that images, labels and settings fit, and say what networks and numbers they lead to.

    Raises:
        ValueError: they do not fit.
    """
    if images.ndim != 4 or images.dtype != np.uint8 or images.shape[1] not in (1, 3, 4):
        raise ValueError(
            f"Images are {images.dtype} of shape {images.shape}: "
            "give uint8 of shape [N, C, H, W] with 1, 3 or 4 channels."
        )
    named = 0 if labels is None or not len(labels) else int(labels.max()) + 1
    classes = named if settings.classes is None else settings.classes
    if classes and (labels is None or len(labels) != len(images) or labels.min() < 0 or named > classes):
        raise ValueError(f"{classes} classes need one label from 0 to {classes - 1} for each of {len(images)} images.")
    count, channels, height, width = images.shape
    row = recipe(settings, width, height)
    if row.batch > count:
        raise ValueError(f"The batch of {row.batch} is larger than the set of {count} images: choose a smaller batch.")
    if settings.augment.mode != "off" and "imgfilter" in PIPES[settings.augment.pipe] and min(height, width) < SMALLEST:
        raise ValueError(
            f"The band filter of augment.pipe {settings.augment.pipe} needs {SMALLEST} pixels a side: choose bgc."
        )
    kinds: dict[int, Channels] = {1: 1, 3: 3, 4: 4}
    networks = network_settings(settings, row, width=width, height=height, channels=kinds[channels], classes=classes)
    return networks, row


@torch.no_grad()
def grid_images(generator: Generator, seed: int) -> NDArray[np.uint8]:
    """Pictures of the same latents at every tick: a row for each class, or 8 rows; uint8 `[N, C, H, W]`."""
    settings = generator.settings
    device = generator.w_avg.device
    rows = settings.classes or GRID_COLUMNS
    random = stream(seed, "grid", 0)
    if settings.classes:
        z = torch.randn(GRID_COLUMNS, settings.z_dim, generator=random).repeat(rows, 1)
    else:
        z = torch.randn(rows * GRID_COLUMNS, settings.z_dim, generator=random)
    labels: Tensor | None = torch.arange(rows).repeat_interleave(GRID_COLUMNS) if settings.classes else None
    pictures = [
        generator(
            z[i : i + GRID_COLUMNS].to(device), None if labels is None else labels[i : i + GRID_COLUMNS].to(device)
        )
        for i in range(0, len(z), GRID_COLUMNS)
    ]
    return to_uint8(torch.cat(pictures))


def _claim(
    folder: Path, settings: TrainingSettings, networks: NetworkSettings, row: Recipe, seed: int, count: int
) -> None:
    """Write down what the folder is for, or check that it is for this; only the length of training may change."""
    claim = {
        "settings": settings.model_dump(mode="json", exclude={"total_kimg"}),
        "networks": networks.model_dump(mode="json"),
        "recipe": asdict(row),
        "seed": seed,
        "images": count,
    }
    path = folder / "run.json"
    if path.exists() and json.loads(path.read_text()) != claim:
        raise ValueError(f"{folder} holds a training with other settings, seed or images: choose another folder.")
    write_json(path, claim)


def _resume(folder: Path, state: TrainingState, row: Recipe) -> None:
    found = snapshots(folder / "snapshots")
    if found:
        load_snapshot(found[-1], state)
    curve = folder / "curve.jsonl"
    if curve.exists():  # what was reported after the snapshot will be reported again
        lines = [line for line in curve.read_text().splitlines(keepends=True) if line.endswith("\n")]
        kept = "".join(line for line in lines if json.loads(line)["step"] <= state.step)
        write_atomically(curve, lambda aside: aside.write_text(kept))


def _append_to_curve(folder: Path, tick: Tick) -> None:
    record: dict[str, Any] = asdict(tick)
    record |= record.pop("values")
    del record["total_kimg"]
    with (folder / "curve.jsonl").open("a") as file:
        file.write(json.dumps(record) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _advice(folder: Path, tick: Tick) -> str:
    names = [name for name, value in tick.values.items() if not math.isfinite(value)]
    found = snapshots(folder / "snapshots")
    last = f"the last good snapshot is {found[-1]}" if found else "there is no snapshot yet"
    return f"{', '.join(names)} is not finite after {tick.kimg} kimg; {last}: raise r1_gamma or lower learning_rate."


def _real_examples(images: NDArray[np.uint8], labels: NDArray[np.int64] | None, classes: int) -> NDArray[np.uint8]:
    if labels is None or not classes:
        return np.asarray(images[: GRID_COLUMNS**2])
    rows = [
        np.resize(np.flatnonzero(labels == label), GRID_COLUMNS) for label in range(classes) if (labels == label).any()
    ]
    return np.stack([images[index] for row in rows for index in row])


def _grid_path(folder: Path, nimg: int) -> Path:
    path = folder / "grids" / f"{nimg:011d}.png"
    path.parent.mkdir(exist_ok=True)
    return path
