"""What every fault is tried on: the pipeline of ten seconds, finished once unbroken, and what must hold after a fault.

A trial takes the finished store without one stage: the run that is broken builds that stage, and the run after it has
to end in the same content, so that all others are up to date again.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from killable_server import PrefectServer
from small_pipeline import ROOT, Pipeline, write_logos

from logoflow.machine import process_birth
from logoflow.stages import STAGES
from logoflow.status import read_runs
from logoflow.store.check import verify
from logoflow.store.ledger import Kind, Ledger
from logoflow.store.store import Store

FULL = bool(os.environ.get("FAULTS"))
"""Whether the whole suite was asked for."""

in_full = pytest.mark.skipif(not FULL, reason="part of `make faults`")

LOGOS = 40
RUN_S = 300
SETTLE_S = 60
"""Prefect hears of task runs as events, which come late."""

SMALLER = {
    "detect_text": {"canvas": 128},
    "train_encoder": {"batch": 4, "queue": 4, "epochs": 2},
    "deduplicate": {"samples": 8},
    "train_gan": {
        "total_kimg": 0.064, "score_images": 0, "batch": 4, "tick_kimg": 0.016, "snapshot_ticks": 1, "mapping_depth": 1,
    },
    "evaluate": {"images": 10, "neighbours": 2, "ladder": 0},
    "generate": {"per_cluster": 2, "steps": 2},
}  # fmt: skip
"""Beside the small pipeline's settings."""


@dataclass
class Outcome:
    """What became of the trials of one fault."""

    fault: str
    trials: int = 0
    equal: int = 0
    half_read: int = 0
    left_running: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Job:
    """A command line that runs, in a fork of the process that has everything loaded."""

    pid: int
    log: Path
    _finish: Callable[[int], int]

    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return process_birth(self.pid) is not None

    def kill(self) -> None:
        """End by SIGKILL it and all that it started."""
        os.killpg(self.pid, signal.SIGKILL)
        self._finish(self.pid)

    def exit_code(self) -> int:
        """Wait for its end, which must come."""
        end = time.monotonic() + RUN_S
        while self.is_running():
            if time.monotonic() > end:
                self.kill()
                raise AssertionError(f"it did not end within {RUN_S} s: {self.log.read_text()[-2000:]}")
            time.sleep(0.02)
        return self._finish(self.pid)


class Warm:
    """Starts jobs in a second each."""

    def __init__(self, environment: dict[str, str], logs: Path) -> None:
        self._logs = logs
        self._process = subprocess.Popen(
            [sys.executable, ROOT / "tests" / "support" / "warm.py"],
            env=environment,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"

    def start(self, *arguments: str, **environment: str) -> Job:
        """Start a command line of logoflow."""
        log = self._logs / f"{time.monotonic_ns()}.log"
        pid = self._ask({"arguments": arguments, "log": str(log), "environment": environment})
        return Job(pid, log, lambda number: self._ask({"wait": number}))

    def _ask(self, job: dict[str, object]) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job).encode() + b"\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


@dataclass
class Bench:
    """The finished pipeline, the means to run it again, and the outcomes so far."""

    folder: Path
    server: PrefectServer
    warm: Warm
    outcomes: list[Outcome] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pipeline = Pipeline(self.folder / "whole", self.server.environment)
        self.pipeline.folder.mkdir()
        write_logos(self.pipeline.logos, 0, LOGOS)
        self.pipeline.write_config()
        values = yaml.safe_load(self.pipeline.config.read_text())
        values["ingest"]["shard_images"] = 10
        for name, section in SMALLER.items():
            values[name] = values.get(name, {}) | section
        values["evaluate"].pop("encoder", None)
        self.pipeline.config.write_text(yaml.safe_dump(values))
        self.run(self.pipeline.store)
        self.content = contents(self.pipeline.store)
        assert set(self.content) == set(STAGES)
        store = Store(self.pipeline.store)
        self.duration_s = {name: next(store.artifacts(name)).manifest.duration_s for name in STAGES}

    def start(self, store: Path, *arguments: str, **environment: str) -> Job:
        """Start a run in a store."""
        command = ("run", str(self.pipeline.config), "--store", str(store), *arguments)
        return self.warm.start(*command, **environment)

    def run(self, store: Path, *arguments: str, **environment: str) -> str:
        """Run in a store, which must end well; what it printed."""
        job = self.start(store, *arguments, **environment)
        code = job.exit_code()
        assert code == 0, job.log.read_text()[-3000:]
        return job.log.read_text()

    def jobs_at_work(self, seed: int, count: int) -> Iterator[tuple[Job, Path]]:
        """So many runs that were caught at a moment that the seed draws, over all stages, each with its store."""
        caught = 0
        for stage, share in moments(seed):
            store = self.store_without(stage)
            job = self.start(store)
            if not reaches(job, store, stage, share * self.duration_s[stage]):
                job.exit_code()
                continue
            yield job, store
            caught += 1
            if caught == count:
                return

    def store_without(self, *stages: str, within: Path | None = None) -> Path:
        """A copy of the finished store from which some stages are missing, and units to which no other refers."""
        store = (within or self.folder) / f"store-{time.monotonic_ns()}"
        shutil.copytree(self.pipeline.store, store)
        left = [artifact for artifact in Store(store).artifacts() if artifact.stage not in stages]
        referred = {store / unit for artifact in left for unit in artifact.manifest.units}
        for stage in stages:
            for folder in (*store.glob(f"{stage}/*"), *store.glob(f"{stage}.*/*")):
                if folder not in referred:  # else verify would rightly miss it
                    shutil.rmtree(folder)
        return store

    @contextmanager
    def trial(self, fault: str, store: Path, *arguments: str, **environment: str) -> Iterator[None]:
        """Break something within, then run again and note what became of it; the store is removed where all is well."""
        outcome = next((found for found in self.outcomes if found.fault == fault), None)
        if outcome is None:
            self.outcomes.append(outcome := Outcome(fault))
        began = time.monotonic()
        outcome.trials += 1
        yield
        half_read = list(verify(Store(store)))
        outcome.half_read += len(half_read)
        self.run(store, *arguments, **environment)
        self.check(fault, store, outcome)
        outcome.seconds += time.monotonic() - began
        assert half_read == []
        shutil.rmtree(store)

    def check(self, fault: str, store: Path, outcome: Outcome) -> None:
        """The content must be that of the unbroken run, nothing damaged, nothing left running."""
        found, damage, running = contents(store), list(verify(Store(store))), self.left_running(store)
        outcome.equal += found == self.content
        outcome.half_read += len(damage)
        outcome.left_running += len(running)
        assert found == self.content
        assert not damage, damage
        assert not running, running

    def left_running(self, store: Path) -> list[str]:
        """Runs and stages that the ledger or Prefect take to be alive, although nothing runs."""
        runs = read_runs(Ledger(store / ".ledger.sqlite"))
        told = [run.id for run in runs if run.state == "running" or not run.told]
        told += [f"{run.id} {stage.name}" for run in runs for stage in run.stages.values() if stage.state == "running"]
        end = time.monotonic() + SETTLE_S
        while (unended := self.server.unended()) and time.monotonic() < end:
            time.sleep(0.5)
        return told + unended


def contents(store: Path) -> dict[str, str]:
    """Content digest of each stage's newest whole artifact."""
    opened = Store(store)
    return {
        name: artifact.content
        for name in STAGES
        for artifact in opened.artifacts(name)
        if opened.find(name, artifact.manifest.fingerprint)
    }


def moments(seed: int) -> Iterator[tuple[str, float]]:
    """Stages in random rounds, each with a share of its duration to wait: a little beyond its end, too."""
    draw = random.Random(seed)
    while True:
        for stage in draw.sample(list(STAGES), len(STAGES)):
            yield stage, draw.uniform(0.0, 1.1)


def reaches(job: Job, store: Path, stage: str, wait_s: float) -> bool:
    """Wait until a job builds a stage, and a while more; False where it ended before."""
    ledger = Ledger(store / ".ledger.sqlite")
    seen = ledger.last_seq()
    while job.is_running():
        if any(event.stage == stage and event.kind is Kind.STAGE_STARTED for event in ledger.events(after=seen)):
            time.sleep(wait_s)
            return job.is_running()
        time.sleep(0.01)
    return False
