"""Two real processes, started by torchrun, against one: the same losses, weights, queue and statistics."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from moco import training
from moco.curve import EpochReport
from moco.distributed import agreed, average, gather, is_first, own_rows, processes
from moco.files import read_tensors
from moco.settings import EncoderSettings
from moco.training import CURVE, ENCODER, SNAPSHOT, train


class Stopped(Exception):
    """Raised by a test from inside a training."""


def changed(settings: EncoderSettings, **values: object) -> EncoderSettings:
    return EncoderSettings.model_validate(settings.model_dump() | values)


def torchrun(images: NDArray[np.uint8], settings: EncoderSettings, folder: Path) -> Sequence[str]:
    """Train by two processes on the CPU; the lines that they print."""
    path = folder.with_suffix(".npy")
    np.save(path, images)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["-m", "--", "moco.train", "--images", str(path), "--out", str(folder)]
    given = settings.model_dump(exclude={"augmentation"}, exclude_none=True)
    command += [f"--{name}={value}" for name, value in given.items()]
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "GLOO_SOCKET_IFNAME": "lo",
    }  # a host's own name may lead nowhere
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def tensors_of(folder: Path) -> dict[str, Tensor]:
    return read_tensors(folder / SNAPSHOT)[0]


def losses_of(folder: Path) -> list[float]:
    lines = [json.loads(line) for line in (folder / CURVE).read_text().splitlines()]
    return [line["loss"] for line in lines if line["loss"] is not None]


def assert_alike(one: Path, other: Path, tolerance: float) -> None:
    assert losses_of(one) == pytest.approx(losses_of(other), abs=tolerance)
    ours, theirs = tensors_of(one), tensors_of(other)
    assert ours.keys() == theirs.keys()
    assert {name.partition(".")[0] for name in ours} >= {"model", "momentum"}
    for name in ours:
        difference, scale = (ours[name] - theirs[name]).abs().max().item(), theirs[name].abs().max().item()
        assert difference <= tolerance * max(1.0, scale), name


def test_two_processes_train_what_one_trains_and_only_the_first_speaks(
    images: NDArray[np.uint8], settings: EncoderSettings, tmp_path: Path
) -> None:
    images, settings = images[:48], changed(settings, epochs=1)  # three steps
    train(images, settings, 0, tmp_path / "one")
    lines = torchrun(images, settings, tmp_path / "two")
    assert_alike(tmp_path / "two", tmp_path / "one", tolerance=5e-5)  # rounding: sums over two halves of the batch
    assert [line.partition("(")[0] for line in lines] == ["EpochReport", "EpochReport", str(tmp_path / "two" / ENCODER)]


def test_two_processes_go_on_where_one_was_stopped_and_stop_together(
    images: NDArray[np.uint8], settings: EncoderSettings, tmp_path: Path
) -> None:
    settings = changed(settings, symmetric=True, normalisation_groups=4, snapshot_steps=1, epochs=3, patience=1)
    train(images, settings, 0, tmp_path / "one")

    def stop(report: EpochReport) -> None:
        if report.epoch == 1:
            raise Stopped

    with pytest.raises(Stopped):
        train(images, settings, 0, tmp_path / "two", on_epoch=stop)
    before = read_tensors(tmp_path / "two" / SNAPSHOT)[1]["progress"]["step"]
    torchrun(images, settings, tmp_path / "two")
    steps = [read_tensors(tmp_path / name / SNAPSHOT)[1]["progress"]["step"] for name in ("one", "two")]
    assert before == 3  # of the four of an epoch
    assert steps[0] == steps[1] > 4
    assert_alike(tmp_path / "two", tmp_path / "one", tolerance=1e-4)  # rounding grows with the steps


def test_parts_that_cannot_be_dealt_out_are_refused_with_the_remedy(
    images: NDArray[np.uint8], settings: EncoderSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "processes", lambda: 3)
    with pytest.raises(
        ValueError, match=r"normalisation_groups is 2, but each of the 3 processes .*: choose a multiple"
    ):
        train(images, settings, 0, tmp_path)


def test_one_process_has_every_row_and_nobody_to_talk_to() -> None:
    x = torch.rand(4, 2)
    before = x.clone()
    average([x])
    assert torch.equal(x, before)
    assert gather(x) is x
    assert (processes(), is_first(), own_rows(8), agreed(True, "cpu"), agreed(False, "cpu")) == (
        1,
        True,
        slice(0, 8),
        True,
        False,
    )
