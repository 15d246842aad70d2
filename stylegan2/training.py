"""Training from the first step, or from the last snapshot, to the end."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from time import monotonic

import numpy as np
import torch
from numpy.typing import NDArray

from stylegan2.checkpoints import load_snapshot, save_network, save_snapshot, snapshots
from stylegan2.files import write_json
from stylegan2.grids import GRID_COLUMNS, examples, fixed_samples, save_grid
from stylegan2.images import TrainingImages
from stylegan2.phases import Trainer
from stylegan2.planning import plan
from stylegan2.presets import Recipe
from stylegan2.reports import Tick, append, forget_after
from stylegan2.settings import NetworkSettings, TrainingSettings
from stylegan2.state import TrainingState, initial_state

__all__ = ["Diverged", "Tick", "train"]

CURVE = "curve.jsonl"


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
    _resume(folder, state)
    data = TrainingImages(
        images, labels if networks.classes else None, seed, torch.device(device), mirror=settings.mirror
    )
    trainer = Trainer(state, data, settings, row, seed)
    if not (folder / "real.png").exists():
        save_grid(folder / "real.png", examples(images, labels, networks.classes), GRID_COLUMNS)

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
        append(folder / CURVE, tick)
        if on_tick is not None:
            on_tick(tick)
        if not all(math.isfinite(value) for value in tick.values.values()):
            raise Diverged(_advice(folder, tick))
        start_step, last_s = state.step, now_s

        # Draw and save.
        ticks = state.step // tick_steps
        if ticks % settings.grid_ticks == 0 or done:
            path = folder / "grids" / f"{state.step * row.batch:011d}.png"
            save_grid(path, fixed_samples(state.average, seed), GRID_COLUMNS)
        if ticks % settings.snapshot_ticks == 0 or done:
            save_snapshot(folder / "snapshots", state, state.step * row.batch, settings.keep_snapshots)

    save_network(folder / "generator.safetensors", state.average)
    save_network(folder / "discriminator.safetensors", state.discriminator)
    return folder


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


def _resume(folder: Path, state: TrainingState) -> None:
    found = snapshots(folder / "snapshots")
    if found:
        load_snapshot(found[-1], state)
    forget_after(folder / CURVE, state.step)


def _advice(folder: Path, tick: Tick) -> str:
    names = [name for name, value in tick.values.items() if not math.isfinite(value)]
    found = snapshots(folder / "snapshots")
    last = f"the last good snapshot is {found[-1]}" if found else "there is no snapshot yet"
    return f"{', '.join(names)} is not finite after {tick.kimg} kimg; {last}: raise r1_gamma or lower learning_rate."
