"""The training curve: a line after each epoch, and what is decided by the lines alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Line = dict[str, Any]
"""An epoch's report as JSON holds it."""


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
        uniformity: log mean Gaussian potential over pairs of originals, -8..0; lower is more even; None without pairs.
        knn: share of the labelled images of the monitor whose class their neighbours tell; None without labels.
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
    uniformity: float | None
    knn: float | None
    pixels_low_resolution: float
    pixels_reframed: float


def score(line: Line) -> float:
    """How good an epoch's encoder is: the mean of both retrievals, 0..1."""
    return float(line["low_resolution"] + line["reframed"]) / 2


def best(curve: Sequence[Line]) -> Line:
    """The trained epoch with the highest score, the first of equal ones; the only line where nothing was trained."""
    return max(curve[1:] or curve, key=score)


def exhausted(curve: Sequence[Line], patience: int | None) -> bool:
    """Whether as many epochs as patience allows went by since the best one; never without patience."""
    return patience is not None and len(curve) > 1 and curve[-1]["epoch"] - best(curve)["epoch"] >= patience


def written(curve: Sequence[Line], patience: int | None) -> Line:
    """The epoch whose encoder is the result: the best one where patience asks for it, otherwise the last one."""
    return curve[-1] if patience is None else best(curve)
