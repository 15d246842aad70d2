"""Training from the first step, or from the last snapshot, to the end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stylegan2.checkpoints import load_snapshot, save_network, snapshots
from stylegan2.deterministic import deterministic
from stylegan2.diary import SNAPSHOTS, Diary, Diverged
from stylegan2.distributed import agreed, processes, rank
from stylegan2.files import held, read_json, write_json
from stylegan2.generator import Generator
from stylegan2.grids import GRID_COLUMNS, examples, save_grid
from stylegan2.images import TrainingImages
from stylegan2.interruption import deferred
from stylegan2.phases import Trainer
from stylegan2.planning import plan
from stylegan2.presets import Recipe
from stylegan2.reports import Curve, Tick
from stylegan2.settings import NetworkSettings, TrainingSettings
from stylegan2.state import TrainingState, initial_state
from stylegan2.transfer import transfer
from stylegan2.watch import Watch

__all__ = ["Diverged", "Tick", "train"]

CURVE = "curve.jsonl"
CLAIM = "run.json"


def train(
    images: NDArray[np.uint8],
    labels: NDArray[np.int64] | None,
    settings: TrainingSettings,
    seed: int,
    folder: Path,
    device: str = "cpu",
    on_tick: Callable[[Tick], None] | None = None,
    score: Callable[[Generator], float] | None = None,
    events: Path | None = None,
) -> Path:
    """Train a generator and a discriminator; go on from the last snapshot in `folder`, if there is one.

    Started by torchrun, and within `stylegan2.distributed.joined`, every process calls this with the same arguments;
    the first one alone reports and writes.

    Args:
        images: uint8 `[N, C, H, W]`; may be a memory map.
        labels: class of each image, 0 or larger, `[N]`; None trains without classes.
        settings: what to do.
        seed: of every random number.
        folder: receives generator.safetensors (the averaged one), discriminator.safetensors, curve.jsonl (one line a
            tick), grids/*.png, film.webp, real.png, run.json, snapshots/, and where there is a score the networks
            that scored best, best.safetensors and best-discriminator.safetensors.
        device: where to compute, such as "cpu" or "cuda".
        on_tick: called with every progress report.
        score: judges the averaged generator at each snapshot, less is better; the best one is kept.
        events: folder for events for TensorBoard; None writes none.

    Returns:
        The folder.

    Raises:
        ValueError: images, labels and settings do not fit together, the folder holds another run, or another process
            trains in it.
        Diverged: a number is not finite, the generator has collapsed, or the discriminator teaches nothing any more.
        KeyboardInterrupt: it was told to end, by Ctrl-C or TERM; a single process saves a snapshot first.
    """
    networks, row = plan(images, labels, settings, processes())
    if settings.patience is not None and score is None:
        raise ValueError("patience waits for a better score, and nothing scores this training: leave it out.")
    labels = labels if networks.classes else None
    place = torch.device(device)
    folder.mkdir(parents=True, exist_ok=True)
    with held(folder), deterministic(settings.deterministic):
        claim = _checked_claim(folder, settings, networks, row, seed, images, labels)
        state = initial_state(networks, settings, row, seed, place)
        goes_on = _begin(folder, state, settings)
        if rank() == 0:
            write_json(folder / CLAIM, claim)  # not before there is something to go on from or to begin with
        balanced = settings.sampling == "balanced"
        data = TrainingImages(images, labels, seed, place, mirror=settings.mirror, balanced=balanced)
        trainer = Trainer(state, data, settings, row, seed)

        # Ticks and snapshots are counted in steps, so that a run that went on has the same ones.
        total_steps = math.ceil(settings.total_kimg * 1000 / row.batch)
        tick_steps = max(1, round(settings.tick_kimg * 1000 / row.batch))
        diary = None
        if rank() == 0:
            save_grid(folder / "real.png", examples(images, labels, networks.classes), GRID_COLUMNS)
            curve = Curve(folder / CURVE, state.step if goes_on else None, events)
            at_once = settings.micro_batch or row.batch // processes()
            watch = Watch(images, labels, networks.deviation_group, place, at_once)
            diary = Diary(folder, trainer, watch, curve, total_steps, on_tick, score)
            if not goes_on:
                diary.tick(0, {})
        over = agreed(diary is not None and diary.exhausted, place)
        with deferred(processes() == 1) as interruption:
            while state.step < total_steps and not over:
                trainer.step()
                if state.step % tick_steps == 0 or state.step == total_steps:
                    values = trainer.meters.read()
                    if diary is not None:
                        diary.tick(state.step // tick_steps, values)
                    over = agreed(diary is not None and diary.exhausted, place)
                if interruption.requested and diary is not None:
                    diary.save()
                    break
        if interruption.requested:
            raise KeyboardInterrupt  # whoever handled the signal goes on

        if diary is not None:
            save_network(folder / "generator.safetensors", state.average)
            save_network(folder / "discriminator.safetensors", state.discriminator)
            diary.close()
    return folder


def _checked_claim(
    folder: Path,
    settings: TrainingSettings,
    networks: NetworkSettings,
    row: Recipe,
    seed: int,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64] | None,
) -> dict[str, Any]:
    """What the folder is for; an error where it is for something else. Only the length of training may change.

    Raises:
        ValueError: the folder is for something else, or does not tell any more what it is for.
    """
    claim = {
        "settings": settings.model_dump(mode="json", exclude={"total_kimg", "keep_snapshots"}),
        "networks": networks.model_dump(mode="json"),
        "recipe": asdict(row),
        "seed": seed,
        "images": len(images),
        "content": _digest(images, labels),
    }
    before = read_json(folder / CLAIM) if (folder / CLAIM).exists() else claim
    if difference := next(differences(before, claim), None):
        name, was, now = difference
        raise ValueError(f"{folder} holds a training whose {name} is {was}, not {now}: choose another folder.")
    return claim


def differences(before: Mapping[str, Any], now: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Keys, `a.b` where they are nested, whose values differ, with both values; None where there is none."""
    for key in sorted(before.keys() | now.keys()):
        old, new = before.get(key), now.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from differences(old, new, f"{within}{key}.")
        elif old != new:
            yield f"{within}{key}", old, new


def _digest(images: NDArray[np.uint8], labels: NDArray[np.int64] | None) -> str:
    """Sha256 of the training set, of which no copy is made."""
    digest = sha256()
    for image in images:
        digest.update(image.tobytes())
    digest.update(b"" if labels is None else labels.astype(np.int64).tobytes())
    return digest.hexdigest()


def _begin(folder: Path, state: TrainingState, settings: TrainingSettings) -> bool:
    """Take over the last snapshot, or else the networks to start from, if there are any; whether there was one."""
    found = snapshots(folder / SNAPSHOTS)
    if found:
        load_snapshot(found[-1], state)
    else:
        transfer(state, settings)
    return bool(found)
