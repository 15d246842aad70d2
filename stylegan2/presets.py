"""The published hyperparameters, one row each, and how a row and the user's wishes become one recipe."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Literal

from stylegan2.settings import Channels, NetworkSettings, TrainingSettings

FULL_CHANNELS = 32768  # channel_base of the large networks; the small ones have half


@dataclass(frozen=True)
class Recipe:
    """The numbers that a preset decides, each of which a user may set instead."""

    batch: int
    deviation_group: int
    channel_base: int
    learning_rate: float
    r1_gamma: float
    ema_kimg: float
    ema_ramp: float  # 0: none
    mapping_depth: int
    path_length_weight: float = 2.0
    style_mixing: float = 0.9
    discriminator: Literal["resnet", "orig"] = "resnet"


#                          batch  group  channels        lr      gamma  ema  ramp  depth
PRESETS = {
    "stylegan2":    Recipe(32,    4,     FULL_CHANNELS,      0.002,  10.0,  10,  0.0,  8),
    "paper256":     Recipe(64,    8,     FULL_CHANNELS // 2, 0.0025, 1.0,   20,  0.0,  8),
    "paper512":     Recipe(64,    8,     FULL_CHANNELS,      0.0025, 0.5,   20,  0.0,  8),
    "paper1024":    Recipe(32,    4,     FULL_CHANNELS,      0.002,  2.0,   10,  0.0,  8),
    "cifar":        Recipe(64,    32,    FULL_CHANNELS,      0.0025, 0.01,  500, 0.05, 2, 0.0, 0.0, "orig"),
}  # fmt: skip


def recipe(settings: TrainingSettings, width: int, height: int, processes: int = 1) -> Recipe:
    """Complete a user's settings by those of the preset, for pictures of a size.

    Raises:
        ValueError: the batch cannot be divided as asked, among the processes or into shares.
    """
    if settings.preset == "article":
        row = auto(width, height, settings.batch or 200)  # the study trained 128 x 128 pixels with batches of 200
    elif settings.preset == "auto":
        row = auto(width, height, settings.batch)
    else:
        row = PRESETS[settings.preset]
    wishes = {field.name: getattr(settings, field.name) for field in fields(Recipe)}
    if settings.start_generator is not None:
        row = replace(row, ema_ramp=0.0)  # as published: the average need not forget a trained start
    row = replace(row, **{name: wish for name, wish in wishes.items() if wish is not None})
    _check_division(row, settings, processes)
    return row


def auto(width: int, height: int, batch: int | None = None) -> Recipe:
    """The published heuristics for any size and batch, on one device."""
    side = max(width, height)
    batch = batch or max(min(4096 // side, 32) // 4 * 4, 2)  # whole groups of minibatch deviation at any size
    return Recipe(
        batch=batch,
        deviation_group=min(batch, 4),
        channel_base=FULL_CHANNELS if side >= 512 else FULL_CHANNELS // 2,
        learning_rate=0.002 if side >= 1024 else 0.0025,
        r1_gamma=0.0002 * width * height / batch,
        ema_kimg=batch * 10 / 32,
        ema_ramp=0.05,
        mapping_depth=2,
    )


def network_settings(
    settings: TrainingSettings, row: Recipe, *, width: int, height: int, channels: Channels, classes: int
) -> NetworkSettings:
    """The networks that a recipe asks for."""
    return NetworkSettings(
        width=width,
        height=height,
        channels=channels,
        classes=classes,
        z_dim=settings.z_dim,
        w_dim=settings.w_dim,
        mapping_depth=row.mapping_depth,
        label_depth=settings.label_depth,
        channel_base=row.channel_base,
        channel_max=settings.channel_max,
        discriminator=row.discriminator,
        deviation_group=row.deviation_group,
        transition=settings.transition,
    )


def _check_division(row: Recipe, settings: TrainingSettings, processes: int) -> None:
    if row.batch % processes:
        raise ValueError(
            f"{processes} processes cannot share a batch of {row.batch} evenly: choose a multiple of {processes}."
        )
    micro = settings.micro_batch or row.batch // processes
    if row.batch // processes % micro:
        whole = f"the batch of {row.batch}" + (f", {row.batch // processes} for each process" if processes > 1 else "")
        raise ValueError(f"micro_batch is {micro}, which does not divide {whole}: choose a divisor.")
    if row.deviation_group and micro % min(row.deviation_group, micro):
        raise ValueError(
            f"{micro} images at once do not make minibatch deviation groups of {row.deviation_group}: "
            f"choose a multiple of {row.deviation_group}, or another deviation_group."
        )
    if micro % 2 and row.path_length_weight:
        raise ValueError(f"Path length regularisation takes half of the {micro} images at once: choose an even number.")
