"""Ingesting an LLD-logo file, killed at random three times, ends in the digest of a run that was not broken.

600 images in every test run; `make killed` takes 20,000 (KILLED_IMAGES).
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from data.sample.lld import LAYOUTS, write_lld
from logoflow.store.check import verify
from logoflow.store.store import Store

IMAGES = int(os.environ.get("KILLED_IMAGES", "600"))
SHARD_IMAGES = max(32, IMAGES // 80)
KILLS = 3
WAIT_S = 3600
ROOT = Path(__file__).resolve().parents[2]


def start(source: Path, store: Path) -> subprocess.Popen[str]:
    command = [sys.executable, str(ROOT / "tests" / "support" / "ingest_child.py")]
    return subprocess.Popen(
        [*command, str(source), str(store), str(SHARD_IMAGES)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[str, int]:
    """The content digest, and how many units were run for it."""
    told, _ = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0
    content, units_run = told.splitlines()[-1].split()
    return content, int(units_run)


def shards_in(store: Path) -> int:
    folder = store / "ingest.shard"
    return len(list(folder.iterdir())) if folder.exists() else 0


def kill_when(process: subprocess.Popen[str], store: Path, shards: int, delay_s: float) -> None:
    """Kill a run when it has committed so many shards, and a moment more."""
    end = time.monotonic() + WAIT_S
    while shards_in(store) < shards and time.monotonic() < end:
        assert process.poll() is None, "the run ended before it was killed"
        time.sleep(0.005)
    time.sleep(delay_s)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_three_kills_at_random_moments_leave_no_trace(tmp_path: Path) -> None:
    source, broken, whole = tmp_path / "lld.hdf5", tmp_path / "broken", tmp_path / "whole"
    write_lld(source, LAYOUTS["logo"], IMAGES, compression="gzip", chunk_rows=16)
    units = -(-IMAGES // SHARD_IMAGES)
    moments = sorted(random.Random(IMAGES).sample(range(1, units - 1), KILLS))
    for shards in moments:
        kill_when(start(source, broken), broken, shards, random.Random(shards).random() * 0.1)
        assert shards <= shards_in(broken) < units
    done = shards_in(broken)
    content, units_run = finish(start(source, broken))
    assert units_run == units - done
    assert list(verify(Store(broken))) == []
    assert (content, units) == finish(start(source, whole))
