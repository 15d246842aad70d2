"""What images, labels and settings lead to, checked before anything runs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stylegan2.augment.bands import SMALLEST
from stylegan2.augment.pipe import PIPES
from stylegan2.presets import Recipe, network_settings, recipe
from stylegan2.settings import Channels, NetworkSettings, TrainingSettings


def plan(
    images: NDArray[np.uint8], labels: NDArray[np.int64] | None, settings: TrainingSettings, processes: int = 1
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
    if labels is not None and (labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer)):
        raise ValueError(f"Labels are {labels.dtype} of shape {labels.shape}: give one whole number for each image.")
    if labels is not None and len(labels) and labels.min() < 0:
        raise ValueError(f"A label is {labels.min()}, but classes are numbered from 0: give every image one of them.")
    named = 0 if labels is None or not len(labels) else int(labels.max()) + 1
    classes = named if settings.classes is None else settings.classes
    if classes and (labels is None or len(labels) != len(images) or named > classes):
        raise ValueError(f"{classes} classes need one label from 0 to {classes - 1} for each of {len(images)} images.")
    if settings.sampling == "balanced" and not classes:
        raise ValueError(
            "sampling is balanced, which shows every class equally often, and there are none: leave it out."
        )
    count, channels, height, width = images.shape
    row = recipe(settings, width, height, processes)
    if row.batch > count:
        raise ValueError(f"The batch of {row.batch} is larger than the set of {count} images: choose a smaller batch.")
    if settings.augment.mode != "off" and "imgfilter" in PIPES[settings.augment.pipe] and min(height, width) < SMALLEST:
        raise ValueError(
            f"The band filter of augment.pipe {settings.augment.pipe} needs {SMALLEST} pixels a side: choose bgc."
        )
    kinds: dict[int, Channels] = {1: 1, 3: 3, 4: 4}
    networks = network_settings(settings, row, width=width, height=height, channels=kinds[channels], classes=classes)
    if settings.frozen_blocks >= len(networks.sizes):
        raise ValueError(
            f"frozen_blocks is {settings.frozen_blocks}, but the discriminator has {len(networks.sizes) - 1} blocks: "
            "choose fewer."
        )
    return networks, row
