"""Momentum-contrast training that can be killed at any moment and then goes on to the same bytes."""

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from moco.augment import augment
from moco.encoder import save_encoder
from moco.files import write_bytes
from moco.momentum import MomentumContrast
from moco.monitor import Monitor
from moco.randomness import generator
from moco.settings import EncoderSettings
from moco.snapshot import identity_of, restore, save

SNAPSHOT = "snapshot.safetensors"
CURVE = "curve.jsonl"
ENCODER = "encoder.safetensors"
SGD_MOMENTUM = 0.9


@dataclass(frozen=True)
class EpochReport:
    """One line of the training curve. Epoch 0 is the untrained network, which has no loss.

    Attributes:
        epoch: epochs that are done.
        epochs: epochs in all.
        step: steps that are done.
        loss: mean loss over the epoch, in nats.
        learning_rate: at the end of the epoch.
        low_resolution: share of low-resolution copies whose nearest image is their original (recall at 1).
        reframed: the same for copies that were padded or slightly cropped.
        alignment: mean squared distance of a low-resolution copy to its original, 0..4.
        uniformity: log mean Gaussian potential over pairs of originals, -8..0; lower is more even.
        pixels_low_resolution: `low_resolution` by raw pixels, the same in each line.
        pixels_reframed: `reframed` by raw pixels, the same in each line.
    """

    epoch: int
    epochs: int
    step: int
    loss: float | None
    learning_rate: float
    low_resolution: float
    reframed: float
    alignment: float
    uniformity: float
    pixels_low_resolution: float
    pixels_reframed: float


def train(
    images: NDArray[np.uint8],
    settings: EncoderSettings,
    seed: int,
    folder: Path,
    device: str = "cpu",
    on_epoch: Callable[[EpochReport], None] | None = None,
) -> Path:
    """Train an encoder, or go on from the last snapshot in the folder.

    Args:
        images: uint8 `[N, 3, S, S]` with S the settings' resolution; may be memory-mapped.
        settings: network, contrast, schedule and augmentations.
        seed: everything random is a function of it and of the step.
        folder: receives `snapshot.safetensors`, `curve.jsonl` and, at the end, `encoder.safetensors`.
        device: where to train.
        on_epoch: called after each epoch of this call, and once before the first.

    Returns:
        The encoder's file.

    Raises:
        ValueError: the images do not fit the settings, the folder holds another training, or the loss is no number.
    """
    _check(images, settings)
    folder.mkdir(parents=True, exist_ok=True)
    model = MomentumContrast(settings, seed).to(device)
    optimiser = torch.optim.SGD(
        model.query.parameters(), settings.learning_rate, SGD_MOMENTUM, weight_decay=settings.weight_decay
    )
    identity = identity_of(images, settings, seed)
    progress = restore(folder / SNAPSHOT, identity, model, optimiser)
    monitor = Monitor(images, settings, seed)
    pixels_low_resolution, pixels_reframed = monitor.pixels()
    steps = len(images) // settings.batch  # of an epoch; the rest of the images sits out
    total = steps * settings.epochs

    def report(loss: float | None) -> None:
        line = EpochReport(
            epoch=progress.step // steps,
            epochs=settings.epochs,
            step=progress.step,
            loss=loss,
            learning_rate=learning_rate(progress.step, total, settings),
            pixels_low_resolution=pixels_low_resolution,
            pixels_reframed=pixels_reframed,
            **asdict(monitor.measure(model.query, device)),
        )
        progress.curve.append(asdict(line))
        write_bytes(folder / CURVE, "".join(json.dumps(row) + "\n" for row in progress.curve).encode())
        if on_epoch:
            on_epoch(line)

    # Report the network as it starts.
    if progress.step == 0 and not progress.curve:
        report(None)
    while progress.step < total:
        # Draw the batch and two views of each image.
        epoch, position = divmod(progress.step, steps)
        order = torch.randperm(len(images), generator=generator(seed, "order", epoch)).numpy()
        chosen = np.sort(
            order[position * settings.batch : (position + 1) * settings.batch]
        )  # sorted reads are sequential
        batch = torch.from_numpy(images[chosen]).to(device) / 255
        draw = generator(seed, "views", progress.step)
        first, second = (augment(batch, settings.augmentation, draw) for _ in range(2))

        # Update the query encoder; the loss moves the key encoder and the queue.
        optimiser.param_groups[0]["lr"] = learning_rate(progress.step, total, settings)
        optimiser.zero_grad()
        loss = model(first, second, torch.randperm(settings.batch, generator=draw).to(device))
        loss.backward()
        optimiser.step()
        progress.step += 1
        progress.loss_sum += loss.item()
        if not math.isfinite(progress.loss_sum):
            raise ValueError(f"The loss is no number after step {progress.step}: lower learning_rate or raise warmup.")

        # Report the epoch and save.
        if progress.step % steps == 0:
            report(progress.loss_sum / steps)
            progress.loss_sum = 0.0
        if progress.step % steps == 0 or progress.step % settings.snapshot_steps == 0:
            save(folder / SNAPSHOT, identity, model, optimiser, progress)
    save_encoder(model.query, folder / ENCODER)
    return folder / ENCODER


def learning_rate(step: int, total: int, settings: EncoderSettings) -> float:
    """The learning rate of a step: a linear rise over the warm-up, times half a cosine over the whole training."""
    rise = min(1.0, (step + 1) / settings.warmup) if settings.warmup else 1.0
    return settings.learning_rate * rise * 0.5 * (1 + math.cos(math.pi * step / max(1, total)))


def _check(images: NDArray[np.uint8], settings: EncoderSettings) -> None:
    side = settings.resolution
    if images.ndim != 4 or images.shape[1:] != (3, side, side) or images.dtype != np.uint8:
        raise ValueError(
            f"The encoder takes uint8 images of shape [N, 3, {side}, {side}], not {images.dtype} {list(images.shape)}: "
            f"resize them to {side} pixels, or set resolution."
        )
    if not settings.epochs and not settings.weights:
        raise ValueError("epochs is 0, which keeps published weights as they are: set weights, or epochs to 1 or more.")
    if len(images) < settings.batch + settings.queue:
        raise ValueError(
            f"queue is {settings.queue} and batch {settings.batch}, but there are only {len(images)} images, and an "
            "image must not meet itself among the negatives: choose a smaller queue."
        )
