"""Units on a cluster and a store in a bucket: two worker processes make what the threads of one process make."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from small_pipeline import BIN, ROOT, Pipeline, Server, free_port
from store_server import BUCKET, on_machine, s3_server

from logoflow.resolve import Workspace
from logoflow.stages import STAGES
from logoflow.store import check
from logoflow.store.store import Store

WAIT_S = 240
RUN_S = 1200
SCALED = pytest.mark.skipif("SCALED" not in os.environ, reason="takes minutes: make scaled")
WITHOUT_RAY = pytest.mark.skipif(
    importlib.util.find_spec("prefect_ray") is None, reason="the extra ray is not installed"
)


def contents(store: Store) -> dict[str, str]:
    """The content digest of each stage's only artifact."""
    return {name: artifact.content for name in STAGES for (artifact,) in [list(store.artifacts(name))]}


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, str]]:
    with s3_server() as environment:
        yield environment


def run(pipeline: Pipeline, environment: dict[str, str], *arguments: str) -> str:
    """Run the pipeline in an environment; what it printed."""
    command = [str(BIN / "logoflow"), *arguments]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=RUN_S)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@SCALED
def test_dask_and_a_bucket_make_what_threads_and_a_folder_make(
    finished: Pipeline, s3: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = f"s3://{BUCKET}/small"
    environment = on_machine(tmp_path / "one", {**finished.environment, **s3})
    run(finished, environment, "run", str(finished.config), "--runner", "dask", "--store", place)
    for name, value in s3.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LOGOFLOW_CACHE", str(tmp_path / "two"))
    store = Workspace.open(place).store
    assert contents(store) == contents(Store(finished.store))
    assert list(check.verify(store)) == []
    other = on_machine(tmp_path / "two", {**finished.environment, **s3})
    assert run(finished, other, "run", str(finished.config), "--store", place).startswith(
        "Nothing to do: all 11 stages"
    )
    assert run(finished, other, "plan", str(finished.config), "--check", "--store", place)


def test_a_task_reaches_a_process_that_has_imported_nothing() -> None:
    sent = run_python(
        "import sys, cloudpickle; from flows.pipeline import TASKS; sys.stdout.buffer.write(cloudpickle.dumps(TASKS))"
    )
    got = run_python("import sys, pickle; print(*pickle.load(sys.stdin.buffer))", sent)
    assert got.decode().split() == list(STAGES)


def run_python(code: str, sent: bytes = b"") -> bytes:
    """What a new interpreter answers."""
    return subprocess.run([sys.executable, "-c", code], input=sent, cwd=ROOT, capture_output=True, check=True).stdout


@SCALED
@WITHOUT_RAY
def test_ray_makes_what_threads_make(finished: Pipeline, tmp_path: Path) -> None:
    store = tmp_path / "store"
    run(finished, finished.environment, "run", str(finished.config), "--runner", "ray", "--store", str(store))
    assert contents(Store(store)) == contents(Store(finished.store))


@pytest.fixture
def cluster(server: Server) -> Iterator[str]:
    """A Dask scheduler and two workers, of which one says that it has a GPU; the scheduler's address."""
    address = f"tcp://127.0.0.1:{free_port()}"
    port = address.rpartition(":")[2]
    dask = [sys.executable, "-m", "dask"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    worker = [*dask, "worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny"]
    commands = [
        [*dask, "scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"],
        [*worker, "--name", "plain"],
        [*worker, "--name", "with-gpu", "--resources", "GPU=1"],
    ]
    with ExitStack() as stack:
        for command in commands:
            environment = {**server.environment, "PYTHONPATH": str(ROOT / "tests" / "support")}
            process = stack.enter_context(subprocess.Popen(command, env=environment, cwd=ROOT, **quiet))  # type: ignore[call-overload]
            stack.callback(process.terminate)
        yield address


def test_units_of_networks_go_to_the_worker_that_has_a_gpu(server: Server, cluster: str) -> None:
    child = ROOT / "tests" / "support" / "gpu_units.py"
    environment = {**server.environment, "DASK_SCHEDULER_ADDRESS": cluster}
    done = subprocess.run(
        [sys.executable, str(child)], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=WAIT_S
    )
    assert done.returncode == 0, done.stderr
    with_network, without = (set(line.split(",")) for line in done.stdout.splitlines()[-2:])
    assert with_network == {"with-gpu"}
    assert without <= {"plain", "with-gpu"}
