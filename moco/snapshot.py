"""What a training keeps to go on after a kill: tensors, progress, and whose training it is."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from moco.curve import Line
from moco.files import read_tensors, write_tensors
from moco.momentum import MomentumContrast
from moco.settings import EncoderSettings


@dataclass
class Progress:
    """How far a training is, beside its tensors.

    Attributes:
        step: steps that are done.
        loss_sum: sum of the losses of this epoch's steps.
        curve: the lines of the curve so far.
        best: the best epoch's encoder, by name; empty without patience.
    """

    step: int = 0
    loss_sum: float = 0.0
    curve: list[Line] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)


def identity_of(images: NDArray[np.uint8], settings: EncoderSettings, seed: int) -> dict[str, Any]:
    """What decides a training's result: two with equal identities may go on from each other's snapshots."""
    identity = {"settings": settings.model_dump(mode="json", exclude={"weights"}), "seed": seed}
    if settings.weights:
        with settings.weights.open("rb") as file:
            identity["weights"] = hashlib.file_digest(file, "sha256").hexdigest()
    return identity | {"images": _digest(images)}


def save(
    path: Path, identity: dict[str, Any], model: MomentumContrast, optimiser: torch.optim.SGD, progress: Progress
) -> None:
    """Write everything that the next step depends on, atomically."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for name, parameter in model.query.named_parameters():
        tensors[f"momentum.{name}"] = optimiser.state[parameter]["momentum_buffer"]
    tensors |= {f"best.{name}": tensor for name, tensor in progress.best.items()}
    told = {"step": progress.step, "loss_sum": progress.loss_sum, "curve": progress.curve}
    write_tensors(path, tensors, {"identity": identity, "progress": told})


def restore(path: Path, identity: dict[str, Any], model: MomentumContrast, optimiser: torch.optim.SGD) -> Progress:
    """Load a snapshot into model and optimiser, if there is one.

    Raises:
        ValueError: it belongs to a training with another identity.
    """
    if not path.exists():
        return Progress()
    tensors, metadata = read_tensors(path)
    if metadata["identity"] != identity:
        raise ValueError(
            f"{path.parent} holds the training of another encoder (other images, settings or seed): choose another "
            "folder, or delete it."
        )
    model.load_state_dict(_part(tensors, "model."))
    for name, parameter in model.query.named_parameters():
        optimiser.state[parameter]["momentum_buffer"] = tensors[f"momentum.{name}"].to(parameter.device)
    return Progress(**metadata["progress"], best=_part(tensors, "best."))


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _digest(images: NDArray[np.uint8]) -> str:
    digest = hashlib.sha256(repr(images.shape).encode())
    for start in range(0, len(images), 1024):
        digest.update(np.ascontiguousarray(images[start : start + 1024]).data)
    return digest.hexdigest()
