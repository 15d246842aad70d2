"""What is measured beside the losses at every tick, and when a training is beyond help."""

from __future__ import annotations

import math
import resource
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stylegan2.discriminator import Discriminator
from stylegan2.distributed import processes
from stylegan2.grids import GRID_COLUMNS
from stylegan2.settings import AugmentSettings

WATCHED = 64  # real images whose logits are followed
PATIENCE = 5  # ticks in a row that a bad sign has to last
ROUNDING = 1e-6  # p is float32, its cap is not
# Share of the best diversity so far below which the generator has collapsed. Early on healthy trainings lose much of
# what random networks have, too: one on logos went from 0.86 to 0.23, and came back to 0.7.
COLLAPSED = 0.1
DIVERSE = 0.3  # diversity that has to have been reached before it can be lost
SATURATED = 0.01  # mean loss of the discriminator below which it teaches the generator nothing
PERCENTILES = (5, 50, 95)

Line = dict[str, Any]
"""One line of curve.jsonl."""


class Watch:
    """Follows the same real images, and how much samples vary, through a training.

    Args:
        pixels: uint8 `[N, C, H, W]`; some from all over the set are followed, which may be sorted by class.
        labels: class of each, or None.
        group: images that the discriminator compares by minibatch deviation; whole groups are followed.
        device: where to compute.
        at_once: images that the discriminator judges together, whole groups; as many as it is trained on.
    """

    def __init__(
        self,
        pixels: NDArray[np.uint8],
        labels: NDArray[np.int64] | None,
        group: int,
        device: torch.device,
        at_once: int = WATCHED,
    ) -> None:
        group = min(max(group, 1), len(pixels))
        count = max(group, min(WATCHED, len(pixels)) // group * group)
        followed = spread(len(pixels), count)
        reals = torch.from_numpy(np.array(pixels[followed])).to(device)
        self._reals = reals.float() / 127.5 - 1
        self._labels = None if labels is None else torch.from_numpy(np.array(labels[followed], np.int64)).to(device)
        self._parts = [slice(first, first + at_once) for first in range(0, count, at_once)]
        several = spread(len(pixels), min(16 * WATCHED, len(pixels)))
        self._variety = variety(np.asarray(pixels[several]), None if labels is None else np.asarray(labels[several]))

    @torch.no_grad()
    def measure(self, discriminator: Discriminator, samples: NDArray[np.uint8]) -> dict[str, float]:
        """Diversity of `fixed_samples`, the real images' being 1, and percentiles of these images' own plain logits."""
        labels = self._labels
        judged = [discriminator(self._reals[part], None if labels is None else labels[part]) for part in self._parts]
        logits = torch.cat(judged).double().cpu().numpy()
        found = {f"watched_real_p{p:02d}": float(np.percentile(logits, p)) for p in PERCENTILES}
        rows = None if self._labels is None else np.arange(len(samples)) // GRID_COLUMNS
        return found | {"diversity": variety(samples, rows) / self._variety}


def spread(total: int, count: int) -> NDArray[np.int64]:
    """So many of `total` places, evenly, the first and the last among them; `[count]`."""
    return np.linspace(0, total - 1, count).round().astype(np.int64)


def variety(images: NDArray[np.uint8], labels: NDArray[np.int64] | None) -> float:
    """Mean standard deviation of a pixel over images `[N, C, H, W]`, in shades.

    Where there are classes, over the images of each: a generator that draws one picture for each class has none.
    """
    classes = [images] if labels is None else [images[labels == label] for label in np.unique(labels)]
    deviations = [some.astype(np.float64).std(axis=0, ddof=1).mean() for some in classes if len(some) > 1]
    return max(float(np.mean(deviations)), 1e-6) if deviations else 1e-6


def memory_mib(device: torch.device) -> float:
    """Most memory used so far, of the GPU or of this process, in MiB."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def place_of(device: torch.device) -> str:
    """What computes, such as "NVIDIA H100", "CPU of 2 threads", and of several processes "2 x CPU of 1 threads"."""
    gpu = device.type == "cuda"
    name = torch.cuda.get_device_name(device) if gpu else f"CPU of {torch.get_num_threads()} threads"
    return f"{processes()} x {name}" if processes() > 1 else name


@dataclass(frozen=True)
class Failure:
    """Why a training cannot be saved, with advice, and from how many thousand images on."""

    reason: str
    since_kimg: float


def failure(curve: Sequence[Line]) -> Failure | None:
    """Why a training cannot be saved; None while it can.

    Args:
        curve: its lines so far, the last one now.
    """
    now = curve[-1]
    broken = [name for name, value in now.items() if isinstance(value, float) and not math.isfinite(value)]
    if broken:
        return Failure(f"{', '.join(broken)} is not finite: raise r1_gamma or lower learning_rate", now["kimg"])
    recent = curve[-PATIENCE:]
    if len(recent) < PATIENCE:
        return None
    best = max(line["diversity"] for line in curve)
    if best >= DIVERSE and all(line["diversity"] < COLLAPSED * best for line in recent):
        return Failure(
            f"the generator shows {now['diversity'] / best:.0%} of the variety that it had: start again with a larger "
            "r1_gamma, or with unconditional_kimg if there are classes",
            recent[0]["kimg"],
        )
    if all(line.get("loss_discriminator", SATURATED) < SATURATED for line in recent):
        return Failure("the discriminator tells all apart and teaches nothing: raise r1_gamma", recent[0]["kimg"])
    return None


def warning(curve: Sequence[Line], augment: AugmentSettings) -> str | None:
    """What a user should know though training goes on; None if nothing."""
    recent = curve[-PATIENCE:]
    if augment.mode != "adaptive" or not augment.cap or len(recent) < PATIENCE:
        return None
    if all(line["p"] >= augment.cap - ROUNDING and line.get("r_t", augment.target) > augment.target for line in recent):
        return (
            f"the discriminator overfits (r_t {recent[-1]['r_t']:.2f}) though p is at its cap of {augment.cap}: "
            "stop here, or give it more images"
        )
    return None
