"""Momentum-contrast training that can be killed at any moment and then goes on to the same bytes."""

import json
import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from moco.augment import Rows, augment
from moco.curve import EpochReport, exhausted, written
from moco.distributed import agreed, average, is_first, own_rows, processes
from moco.encoder import Encoder, save_encoder
from moco.files import write_bytes
from moco.momentum import MomentumContrast
from moco.monitor import Monitor
from moco.randomness import generator
from moco.settings import EncoderSettings
from moco.snapshot import Progress, identity_of, restore, save

SNAPSHOT = "snapshot.safetensors"
CURVE = "curve.jsonl"
ENCODER = "encoder.safetensors"
SGD_MOMENTUM = 0.9


def train(
    images: NDArray[np.uint8],
    settings: EncoderSettings,
    seed: int,
    folder: Path,
    device: str = "cpu",
    on_epoch: Callable[[EpochReport], None] | None = None,
    labels: NDArray[np.integer] | None = None,
) -> Path:
    """Train an encoder, or go on from the last snapshot in the folder.

    Where several processes have joined (`moco.distributed`), all of them call this alike. They share the batch, and the
    first one reports and writes; the snapshot of any number of processes may be continued by any other.

    Args:
        images: uint8 `[N, 3, S, S]` with S the settings' resolution; may be memory-mapped.
        settings: network, contrast, schedule and augmentations.
        seed: everything random is a function of it and of the step.
        folder: receives `snapshot.safetensors`, `curve.jsonl` and, at the end, `encoder.safetensors`.
        device: where to train.
        on_epoch: called after each epoch of this call, and once before the first.
        labels: classes of the images by which the monitor judges the encoder, `[N]`, -1 for unknown; nothing is learnt
            from them.

    Returns:
        The encoder's file.

    Raises:
        ValueError: the images do not fit the settings, the folder holds another training, or the loss is no number.
    """
    _check(images, settings, labels)
    folder.mkdir(parents=True, exist_ok=True)
    model = MomentumContrast(settings, seed).to(device)
    optimiser = torch.optim.SGD(
        model.query.parameters(), settings.learning_rate, SGD_MOMENTUM, weight_decay=settings.weight_decay
    )
    identity = identity_of(images, settings, seed)
    progress = restore(folder / SNAPSHOT, identity, model, optimiser)
    reporter = Reporter(Monitor(images, settings, seed, labels), folder, on_epoch) if is_first() else None
    steps = len(images) // settings.batch  # of an epoch; the rest of the images sits out
    total = steps * settings.epochs

    # Report the network as it starts.
    if reporter and not progress.curve:
        reporter.report(progress, steps, None, model.query, device)
    over = exhausted(progress.curve, settings.patience)
    while progress.step < total and not over:
        # Draw this process's rows of the batch, and two views of each image.
        epoch, position = divmod(progress.step, steps)
        order = torch.randperm(len(images), generator=generator(seed, "order", epoch)).numpy()
        chosen = order[position * settings.batch :][: settings.batch]
        own = own_rows(settings.batch)
        batch = torch.from_numpy(_rows(images, chosen[own])).to(device) / 255
        draw = generator(seed, "views", progress.step)
        rows = Rows(settings.batch, own.start, own.stop)
        first, second = (augment(batch, settings.augmentation, draw, rows) for _ in range(2))

        # Update the query encoder; the loss moves the key encoder and the queue.
        optimiser.param_groups[0]["lr"] = learning_rate(progress.step, total, settings)
        optimiser.zero_grad()
        loss = model(first, second, torch.randperm(settings.batch, generator=draw).to(device))
        loss.backward()
        average([loss.detach(), *(cast(Tensor, parameter.grad) for parameter in model.query.parameters())])
        optimiser.step()
        progress.step += 1
        progress.loss_sum += loss.item()
        if not math.isfinite(progress.loss_sum):
            raise ValueError(f"The loss is no number after step {progress.step}: lower learning_rate or raise warmup.")

        # Report the epoch and save.
        epoch_ends = progress.step % steps == 0
        saves = epoch_ends or progress.step % settings.snapshot_steps == 0
        if saves:
            model.synchronise()
        if epoch_ends:
            if reporter:
                reporter.report(progress, steps, progress.loss_sum / steps, model.query, device)
            progress.loss_sum = 0.0
            over = agreed(exhausted(progress.curve, settings.patience), device)
        if saves and is_first():
            save(folder / SNAPSHOT, identity, model, optimiser, progress)
    if is_first():
        if progress.best:
            model.query.load_state_dict(progress.best)
        save_encoder(model.query, folder / ENCODER)
    agreed(True, device)  # the others return when the file is there
    return folder / ENCODER


class Reporter:
    """Measures the encoder, tells the figures, writes the curve, and keeps the best epoch's encoder.

    Attributes:
        monitor: what it measures by.
    """

    def __init__(self, monitor: Monitor, folder: Path, on_epoch: Callable[[EpochReport], None] | None) -> None:
        self.monitor = monitor
        self._pixels = monitor.pixels()
        self._path = folder / CURVE
        self._on_epoch = on_epoch

    def report(self, progress: Progress, steps: int, loss: float | None, encoder: Encoder, device: str) -> None:
        """Add the line of an epoch of so many steps to the curve."""
        settings = encoder.settings
        line = EpochReport(
            epoch=progress.step // steps,
            epochs=settings.epochs,
            step=progress.step,
            loss=loss,
            learning_rate=learning_rate(progress.step, steps * settings.epochs, settings),
            pixels_low_resolution=self._pixels[0],
            pixels_reframed=self._pixels[1],
            **asdict(self.monitor.measure(encoder, device)),
        )
        progress.curve.append(asdict(line))
        write_bytes(self._path, "".join(json.dumps(row) + "\n" for row in progress.curve).encode())
        if settings.patience is not None and written(progress.curve, settings.patience) is progress.curve[-1]:
            progress.best = {name: tensor.cpu().clone() for name, tensor in encoder.state_dict().items()}
        if self._on_epoch:
            self._on_epoch(line)


def learning_rate(step: int, total: int, settings: EncoderSettings) -> float:
    """The learning rate of a step: a linear rise over the warm-up, times half a cosine over the whole training."""
    rise = min(1.0, (step + 1) / settings.warmup) if settings.warmup else 1.0
    return settings.learning_rate * rise * 0.5 * (1 + math.cos(math.pi * step / max(1, total)))


def _rows(images: NDArray[np.uint8], rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Images by row, read from the front to the back, as disks like it, and given in the order asked for.

    A batch in the order of the folder would fill each part of the batch norm with one set, and only the query's.
    """
    ascending, place = np.unique(rows, return_inverse=True)
    return np.asarray(images[ascending][place])


def _check(images: NDArray[np.uint8], settings: EncoderSettings, labels: NDArray[np.integer] | None) -> None:
    side = settings.resolution
    if images.ndim != 4 or images.shape[1:] != (3, side, side) or images.dtype != np.uint8:
        raise ValueError(
            f"The encoder takes uint8 images of shape [N, 3, {side}, {side}], not {images.dtype} {list(images.shape)}: "
            f"resize them to {side} pixels, or set resolution."
        )
    if labels is not None and (labels.shape != images.shape[:1] or labels.dtype.kind not in "iu"):
        raise ValueError(
            f"labels are {labels.dtype} {list(labels.shape)}, but there are {len(images)} images: give one integer for "
            "each, -1 where the class is not known."
        )
    if settings.normalisation_groups % processes():
        raise ValueError(
            f"normalisation_groups is {settings.normalisation_groups}, but each of the {processes()} processes "
            "normalises its own: choose a multiple of their number."
        )
    if not settings.epochs and not settings.weights:
        raise ValueError("epochs is 0, which keeps weights as they are: set weights, or epochs to 1 or more.")
    if len(images) < settings.batch + settings.queue:
        raise ValueError(
            f"queue is {settings.queue} and batch {settings.batch}, but there are only {len(images)} images, so that "
            "many would be among their own negatives: choose a smaller queue."
        )
