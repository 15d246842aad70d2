"""Two real processes, started by torchrun, against one."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from stylegan2.distributed import add_up, joined, processes, rank
from stylegan2.images import TrainingImages
from stylegan2.phases import Trainer
from stylegan2.planning import plan
from stylegan2.settings import TrainingSettings
from stylegan2.state import initial_state
from stylegan2.training import train

Logos = tuple[NDArray[np.uint8], NDArray[np.int64]]
STEPS = 3


def three_steps(folder: Path) -> dict[str, Tensor]:
    """What three steps in float64 leave, with the settings and images in a folder, in one process or one of two."""
    settings = TrainingSettings.model_validate_json((folder / "settings.json").read_text())
    images, labels = np.load(folder / "images.npy"), np.load(folder / "labels.npy")
    networks, row = plan(images, labels, settings, processes())
    cpu = torch.device("cpu")
    state = initial_state(networks, settings, row, 5, cpu, torch.float64)
    trainer = Trainer(state, TrainingImages(images, labels, 5, cpu), settings, row, 5)
    for _ in range(STEPS):
        trainer.step()
    meters = {name: torch.tensor(value, dtype=torch.float64) for name, value in trainer.meters.read().items()}
    return {name: value.contiguous() for name, value in (state.tensors() | meters).items()}


def torchrun(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a module or a file in two processes on the CPU."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *arguments]
    loopback = {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}  # a host's own name may lead nowhere
    root = Path(__file__).parents[2]
    environment = os.environ | loopback | {"PYTHONPATH": str(root)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


def test_two_processes_train_what_one_trains(logos: Logos, quick: TrainingSettings, tmp_path: Path) -> None:
    settings = quick.model_copy(update={"deviation_group": 2})
    (tmp_path / "settings.json").write_text(settings.model_dump_json())
    for name, array in zip(("images", "labels"), logos, strict=True):
        np.save(tmp_path / f"{name}.npy", array)
    done = torchrun(__file__, str(tmp_path))
    assert done.returncode == 0, done.stderr
    both = [load_file(tmp_path / f"{number}.safetensors") for number in range(2)]
    assert all(torch.equal(both[0][name], both[1][name]) for name in both[0])

    # One process takes the batch whole; another adds up the same two shares.
    for shares in (settings, settings.model_copy(update={"micro_batch": 4})):
        (tmp_path / "settings.json").write_text(shares.model_dump_json())
        alone = three_steps(tmp_path)
        assert both[0].keys() == alone.keys()
        for name, value in both[0].items():
            scale = max(1.0, float(alone[name].abs().max()))
            assert float((value - alone[name]).abs().max()) <= 1e-10 * scale, name


def test_torchrun_trains_and_only_the_first_process_writes(
    logos: Logos, quick: TrainingSettings, tmp_path: Path
) -> None:
    np.save(tmp_path / "logos.npy", logos[0])
    np.save(tmp_path / "logos.labels.npy", logos[1])
    small = {"total_kimg": 0.032, "batch": 8, "channel_base": 64, "channel_max": 8, "z_dim": 8, "w_dim": 8}
    small |= {"deviation_group": 2, "tick_kimg": 0.016}
    options = [f"--{name.replace('_', '-')}={value}" for name, value in small.items()]
    place = ["--data", str(tmp_path / "logos.npy"), "--out", str(tmp_path / "two")]
    done = torchrun("-m", "--", "stylegan2.train", *place, *options)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "40 images of shape (3, 16, 16), 3 classes, on cpu"
    assert [line.split(" kimg")[0] for line in lines[1:-1]] == ["0.0 of 0.0"] * 3
    assert lines[-1] == f"The generator is {tmp_path / 'two' / 'generator.safetensors'}"

    settings = TrainingSettings.model_validate(small)
    train(*logos, settings, 0, tmp_path / "one")
    ours, theirs = (load_file(tmp_path / name / "generator.safetensors") for name in ("one", "two"))
    for name, value in ours.items():
        assert float((value - theirs[name]).abs().max()) <= 2e-3 * max(1.0, float(value.abs().max())), name


def test_a_batch_that_the_processes_cannot_share_is_refused(logos: Logos, quick: TrainingSettings) -> None:
    with pytest.raises(ValueError, match="3 processes cannot share a batch of 8 evenly: choose a multiple of 3"):
        plan(*logos, quick, processes=3)
    with pytest.raises(
        ValueError, match=r"micro_batch is 8, which does not divide the batch of 8, 4 for each process: choose"
    ):
        plan(*logos, quick.model_copy(update={"micro_batch": 8}), processes=2)


def test_alone_there_is_one_process_and_nothing_to_add() -> None:
    values = torch.ones(3)
    add_up([values])
    assert (processes(), rank(), values.tolist()) == (1, 0, [1, 1, 1])
    with joined("cpu") as device:
        assert (device, processes()) == ("cpu", 1)


if __name__ == "__main__":
    with joined("cpu"):
        found = three_steps(Path(sys.argv[1]))
        save_file(found, str(Path(sys.argv[1]) / f"{rank()}.safetensors"))
