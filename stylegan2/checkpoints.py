"""Snapshots that training goes on from, and finished networks."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import nn

from stylegan2.discriminator import Discriminator
from stylegan2.files import read_json, sync, write_json, write_tensors
from stylegan2.generator import Generator
from stylegan2.settings import NetworkSettings
from stylegan2.state import TrainingState


class CheckpointError(ValueError):
    """A snapshot or a network file cannot be used."""


def save_snapshot(folder: Path, state: TrainingState, nimg: int, keep: int, best: int | None = None) -> Path:
    """Write the whole state as `folder/<images>/`, and drop all but the last `keep` snapshots and the best one."""
    path = folder / f"{nimg:011d}"
    if path.exists():
        return path  # a training that is told to end has just saved this step
    aside = folder / f".{path.name}.tmp"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    write_tensors(aside / "state.safetensors", state.tensors())
    digest = sha256((aside / "state.safetensors").read_bytes()).hexdigest()
    write_json(aside / "state.json", {"step": state.step, "nimg": nimg, "sha256": digest})
    aside.rename(path)
    sync(folder)
    for old in snapshots(folder)[:-keep]:
        if int(old.name) != best:
            shutil.rmtree(old)
    return path


def keep_best(folder: Path, state: TrainingState, nimg: int, score: float | None) -> int | None:
    """Write the averaged generator and the discriminator where a score, less being better, beats the one in best.json.

    Returns:
        The images that the best generator had seen; None where nothing was ever scored.
    """
    path = folder / "best.json"
    told = json.loads(path.read_text()) if path.exists() else None
    if score is not None and (told is None or score < told["score"]):
        save_network(folder / "best.safetensors", state.average)
        save_network(folder / "best-discriminator.safetensors", state.discriminator)
        told = {"nimg": nimg, "score": score}
        write_json(path, told)
    return told["nimg"] if told else None


def snapshots(folder: Path) -> list[Path]:
    """Complete snapshots, oldest first."""
    return sorted(path for path in folder.glob("[0-9]*") if path.is_dir())


def load_snapshot(path: Path, state: TrainingState) -> None:
    """Take over a snapshot.

    Raises:
        CheckpointError: its bytes are not those that were written.
    """
    told = read_json(path / "state.json")
    if sha256((path / "state.safetensors").read_bytes()).hexdigest() != told["sha256"]:
        raise CheckpointError(f"The snapshot {path} is damaged: delete this folder to go on from the one before.")
    state.load(told["step"], load_file(path / "state.safetensors"))


def save_network(path: Path, network: Generator | Discriminator) -> None:
    """Write weights as safetensors, with the network's settings in the metadata."""
    write_tensors(path, network.state_dict(), json.dumps(network.settings.model_dump(), sort_keys=True))


def load_generator(path: str | Path) -> Generator:
    """Read a generator that `save_network` wrote; in eval mode, on the CPU.

    Raises:
        CheckpointError: the file is none.
    """
    network = Generator(_read_settings(Path(path)))
    _load_weights(network, Path(path))
    return network


def load_discriminator(path: str | Path) -> Discriminator:
    """Read a discriminator that `save_network` wrote; in eval mode, on the CPU.

    Raises:
        CheckpointError: the file is none.
    """
    network = Discriminator(_read_settings(Path(path)))
    _load_weights(network, Path(path))
    return network


def _read_settings(path: Path) -> NetworkSettings:
    if not path.is_file():
        raise CheckpointError(f"There is no network at {path}: give a .safetensors file that training wrote.")
    try:
        with safe_open(str(path), "pt") as file:
            metadata: dict[str, Any] = file.metadata() or {}
    except SafetensorError as error:
        raise CheckpointError(f"{path} is no safetensors file ({error}): give one that training wrote.") from error
    if "settings" not in metadata:
        raise CheckpointError(f"{path} does not say what network it holds: give a file that training wrote.")
    return NetworkSettings.model_validate_json(metadata["settings"])


def _load_weights(network: nn.Module, path: Path) -> None:
    try:
        network.load_state_dict(load_file(path))
    except RuntimeError as error:
        raise CheckpointError(f"{path} holds the weights of another kind of network: check the file.") from error
    network.eval().requires_grad_(False)
