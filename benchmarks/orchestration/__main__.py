"""What orchestration costs, and what DVC and Snakemake take to find that nothing is to be done.

    python -m benchmarks.orchestration [--units 10 100 1000] [--rounds 3] [--runners local dask ray] [--scratch FOLDER]

Stages and units do no work but to write a few bytes, so that what is measured is what surrounds them. `plan` and `run`
are whole commands with nothing to do. Wall and CPU seconds are the least of several rounds; the load of the machine is
said, since other work on it lengthens both.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.orchestration.rivals import RIVALS, install, write_outputs

CONFIG = "configs/demo.yaml"
LOGOFLOW = str(Path(sys.executable).with_name("logoflow"))
FLOW = [sys.executable, "-c", "from benchmarks.orchestration.flow import main; main()"]
NEEDS = {"local": "prefect", "dask": "prefect_dask", "ray": "prefect_ray"}


@dataclass(frozen=True)
class Cost:
    """Seconds of a command, its children included."""

    wall_s: float
    cpu_s: float


def main() -> None:
    """Measure and print, a line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runners", nargs="+", choices=NEEDS, default=list(NEEDS))
    parser.add_argument("--scratch", type=Path, help="where DVC and Snakemake are installed; kept")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        programs = install((given.scratch or scratch) / "rivals")
        with server(scratch):
            for units in given.units:
                for runner in given.runners if units == min(given.units) else ("local",):
                    measure_flow(scratch, units, runner)
        for units in given.units:
            measure_commands(scratch, units, given.rounds, programs)
    print(f"load of the last 1, 5 and 15 minutes: {os.getloadavg()}, cores: {len(os.sched_getaffinity(0))}")


def measure_flow(scratch: Path, units: int, runner: str) -> None:
    """One process that runs the flow; leaves a finished store behind."""
    if importlib.util.find_spec(NEEDS[runner]) is None:
        print(f"{runner}: not installed")
        return
    command = [*FLOW, CONFIG, str(scratch / f"store-{units}-{runner}"), str(units), runner]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    told = json.loads(done.stdout.splitlines()[-1])
    words = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in told.items())
    print(f"11 stages, 3 of them of {units} units, on {runner}: {words}", flush=True)


def measure_commands(scratch: Path, units: int, rounds: int, programs: Path) -> None:
    """Our commands and those of the others, with nothing to do."""
    store = ["--store", str(scratch / f"store-{units}-local")]
    plan = least([LOGOFLOW, "plan", CONFIG, "--check", *store], rounds)  # fails where anything would run
    tell("logoflow plan", units, plan, plan)
    ours = least([LOGOFLOW, "run", CONFIG, *store], rounds)
    tell("logoflow run", units, ours, ours)
    for name, write in RIVALS.items():
        project = scratch / f"{name.split()[0]}-{units}"
        project.mkdir()
        write_outputs(project, units)
        *first, again = ([str(programs / command), *rest] for command, *rest in write(project, units))
        for command in first:
            least(command, 1, project)
        tell(name, units, least(again, rounds, project), ours)


def least(command: Sequence[str], rounds: int, folder: Path | None = None) -> Cost:
    """The least that a command took; it has to end well."""
    costs = []
    for _ in range(rounds):
        before, clock = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wall, after = time.perf_counter() - clock, resource.getrusage(resource.RUSAGE_CHILDREN)
        costs.append(Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))
    return Cost(min(cost.wall_s for cost in costs), min(cost.cpu_s for cost in costs))


def tell(name: str, units: int, cost: Cost, ours: Cost) -> None:
    """One line."""
    ratio = cost.cpu_s / ours.cpu_s
    print(f"{name}, {units} units: {cost.wall_s:.2f} s, {cost.cpu_s:.2f} CPU-s, {ratio:.1f} of ours", flush=True)


@contextmanager
def server(folder: Path) -> Iterator[None]:
    """A Prefect server of its own, whose address this process's children get."""
    home, port = folder / "prefect", free_port()
    os.environ |= {"PREFECT_HOME": str(home), "PREFECT_API_URL": f"http://127.0.0.1:{port}/api"}
    os.environ |= {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "PREFECT_LOGGING_LEVEL": "ERROR"}
    prefect = str(Path(sys.executable).with_name("prefect"))
    command = [prefect, "server", "start", "--host", "127.0.0.1", "--port", str(port), "--no-ui"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        clock = time.perf_counter()
        while not answers(f"http://127.0.0.1:{port}/api/health"):
            assert process.poll() is None, "Prefect's server ended"
            time.sleep(0.2)
        print(f"Prefect's server, first start: {time.perf_counter() - clock:.1f} s", flush=True)
        yield
    finally:
        process.terminate()
        process.wait()


def answers(url: str) -> bool:
    """Whether a server is there."""
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
