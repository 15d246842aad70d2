"""A process of a training on several dies: torchrun ends the others, and called again it goes on to the same bytes."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from fault_bench import Outcome, in_full
from safetensors import SafetensorError, safe_open
from small_pipeline import ROOT

KILLS = 8
RANKS = 2
WAIT_S = 240
SMALL = {
    "total-kimg": 1.6, "batch": 8, "channel-base": 64, "channel-max": 8, "z-dim": 8, "w-dim": 8, "deviation-group": 2,
    "tick-kimg": 0.016, "snapshot-ticks": 5,
}  # fmt: skip


def training(data: Path, out: Path) -> subprocess.Popen[bytes]:
    """Two processes that train on the CPU, in a session of their own."""
    ranks = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(RANKS), "-m", "--"]
    options = [f"--{name}={value}" for name, value in SMALL.items()]
    command = [*ranks, "stylegan2.train", "--data", str(data), "--out", str(out), *options]
    loopback = {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo", "PYTHONPATH": str(ROOT)}
    with out.with_suffix(".log").open("ab") as log:
        return subprocess.Popen(command, env=os.environ | loopback, stdout=log, stderr=log, start_new_session=True)


def first_tick(out: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until the training has written down what a tick gave."""
    end = time.monotonic() + WAIT_S
    while process.poll() is None and not (out / "curve.jsonl").exists():
        assert time.monotonic() < end, "the training did not begin"
        time.sleep(0.05)


def children(pid: int) -> list[int]:
    """The processes that a process started."""
    return [int(child) for path in Path(f"/proc/{pid}/task").glob("*/children") for child in path.read_text().split()]


def digest(out: Path) -> str:
    """What the generator is known by."""
    return hashlib.sha256((out / "generator.safetensors").read_bytes()).hexdigest()


def half_written(out: Path) -> Iterator[Path]:
    """Files of weights, under their final names, that cannot be read."""
    for path in out.rglob("*.safetensors"):
        try:
            with safe_open(path, "pt") as file:
                file.keys()
        except SafetensorError:
            yield path


@in_full
def test_a_killed_rank_costs_no_more_than_the_steps_since_the_last_snapshot(
    outcomes: list[Outcome], seed: int, tmp_path: Path
) -> None:
    draw = random.Random(seed)
    data = tmp_path / "logos.npy"
    np.save(data, np.random.default_rng(seed).integers(0, 256, (40, 3, 16, 16), dtype=np.uint8))
    whole = training(data, tmp_path / "whole")
    first_tick(tmp_path / "whole", whole)
    began = time.monotonic()
    assert whole.wait(WAIT_S) == 0
    duration_s = time.monotonic() - began
    outcomes.append(outcome := Outcome("kill -9 of a rank of torchrun"))
    for number in range(KILLS):
        out = tmp_path / f"broken-{number}"
        broken = training(data, out)
        first_tick(out, broken)
        time.sleep(draw.uniform(0, 0.9) * duration_s)
        began = time.monotonic()
        os.kill(draw.choice(children(broken.pid)), signal.SIGKILL)
        assert broken.wait(WAIT_S) == 1  # torchrun ends the others, and says so
        assert not (out / "generator.safetensors").exists()
        half = list(half_written(out))
        again = training(data, out).wait(WAIT_S)
        outcome.trials += 1
        outcome.half_read += len(half)
        outcome.equal += again == 0 and digest(out) == digest(tmp_path / "whole")
        outcome.seconds += time.monotonic() - began
        assert half == []
        assert again == 0
        assert digest(out) == digest(tmp_path / "whole")
