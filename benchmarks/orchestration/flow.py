"""The pipeline with stages that do no work, as a flow, timed: a process of its own for each measurement.

    python -m benchmarks.orchestration.flow CONFIG STORE UNITS RUNNER

prints one JSON object of seconds. PREFECT_API_URL has to name a server.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import cast

from prefect import flow, task

from flows.runners import RunnerName, running_on
from logoflow.config.load import load_config
from logoflow.report.page import Page
from logoflow.run import Run
from logoflow.stages import STAGES
from logoflow.store.store import Artifact
from tasks.stage import Build, stage
from tasks.units import Unit, UnitKind, map_units

WITH_UNITS = ("ingest", "detect_text", "embed")
"""The stages that work shard by shard."""
RESULT = "result.bin"


def leave_result(number: int, folder: Path) -> None:
    """The work of a unit."""
    (folder / RESULT).write_text(str(number))


def leave_files(names: tuple[str, ...], folder: Path) -> None:
    """The work of a stage."""
    for name in names:
        (folder / name).write_text(name)


def build_nothing(build: Build, *_: Artifact) -> None:
    """A stage as it is declared, but for its work."""
    leave_files(build.stage.data, build.folder)
    build.members([])
    build.page(Page(""))
    if build.stage.name in WITH_UNITS:
        kind = UnitKind(f"{build.stage.name}.units", leave_result, (RESULT,))
        count = int(build.run.id)
        map_units(build, kind, {}, [Unit({"number": str(n)}, n, 1) for n in range(count)])


TASKS = {name: stage(name)(build_nothing) for name in STAGES}


@task
def first_unit() -> None:
    """Nothing, somewhere else."""


@flow
def overhead(run: Run, runner: RunnerName) -> dict[str, float]:
    """Seconds until the runner has done a first task, of a run that builds everything, and of one that finds it."""
    times = {}
    clock = time.perf_counter()
    with running_on(runner):
        first_unit.submit().result()
        times["runner starts"] = time.perf_counter() - clock
        for name in ("built", "found"):
            clock = time.perf_counter()
            made: dict[str, object] = {}
            for declared in STAGES.values():
                made[declared.name] = TASKS[declared.name](run, *(made[given] for given in declared.inputs))
            times[name] = time.perf_counter() - clock
    return times


def called_directly(folder: Path, units: int) -> float:
    """Seconds that the same work takes without any orchestration."""
    folder.mkdir()
    clock = time.perf_counter()
    for declared in STAGES.values():
        leave_files(declared.data, folder)
        for number in range(units if declared.name in WITH_UNITS else 0):
            leave_result(number, folder)
    return time.perf_counter() - clock


def main() -> None:
    """Measure once."""
    config, store, units, runner = sys.argv[1:]
    direct = called_directly(Path(f"{store}.direct"), int(units))
    # The id carries the number of units to the stages.
    times = overhead(Run(load_config(Path(config)), Path(store), id=units), cast(RunnerName, runner))
    print(json.dumps({"called directly": direct, **times}))


if __name__ == "__main__":
    main()
