"""Ingesting an LLD-logo file, killed at random three times, ends in the digest of a run that was not broken.

300 images in every test run; `make killed` takes 20,000 (KILLED_IMAGES), in compressed chunks.
"""

import multiprocessing
import os
import random
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

from ingest_child import ingest_into

from data.sample.lld import LAYOUTS, write_lld
from logoflow.store.check import verify
from logoflow.store.store import Artifact, Store

IMAGES = int(os.environ.get("KILLED_IMAGES", "300"))
SHARD_IMAGES = max(16, IMAGES // 80)
KILLS = 3
WAIT_S = 3600


def shards_in(store: Path) -> int:
    folder = store / "ingest.shard"
    return len(list(folder.iterdir())) if folder.exists() else 0


def kill_when(process: BaseProcess, store: Path, shards: int, delay_s: float) -> None:
    """Kill a run when it has committed so many shards, and a moment more."""
    end = time.monotonic() + WAIT_S
    while shards_in(store) < shards and time.monotonic() < end:
        assert process.is_alive(), "the run ended before it was killed"
        time.sleep(0.005)
    time.sleep(delay_s)
    process.kill()
    process.join()


def test_three_kills_at_random_moments_leave_no_trace(tmp_path: Path, run_ingest: Callable[..., Artifact]) -> None:
    source, broken, answer = tmp_path / "lld.hdf5", tmp_path / "broken", tmp_path / "answer"
    write_lld(source, LAYOUTS["logo"], IMAGES, compression="gzip" if IMAGES > 1000 else None)
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["ingest_child"])

    def start() -> BaseProcess:
        process = processes.Process(target=ingest_into, args=(source, broken, SHARD_IMAGES, answer))
        process.start()
        return process

    units = -(-IMAGES // SHARD_IMAGES)
    for shards in sorted(random.Random(IMAGES).sample(range(1, units - 2), KILLS)):
        kill_when(start(), broken, shards, random.Random(shards).random() * 0.05)
        assert shards <= shards_in(broken) < units
    done = shards_in(broken)
    last = start()
    last.join(WAIT_S)
    content, units_run = answer.read_text().split()
    assert int(units_run) == units - done
    assert list(verify(Store(broken))) == []
    whole = run_ingest(tmp_path / "whole", {"lld": source}, shard_images=SHARD_IMAGES)
    assert whole.content == content
