"""Units of work: a shard's result is an artifact of its own, so that a killed run goes on at the next unit.

Units run as Prefect tasks on the flow's runner, in its threads or in other processes; those that the store holds
already are not even submitted.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext
from prefect.futures import as_completed

from logoflow.code import function_digest
from logoflow.machine import describe_host, library_version, major_minor
from logoflow.resolve import Place, Workspace
from logoflow.store.ledger import Kind
from logoflow.store.manifest import Manifest, Parts, content_digest
from logoflow.store.store import Artifact, record_files
from tasks.stage import Build


@dataclass(frozen=True)
class UnitKind:
    """What the units of one sort have in common.

    Attributes:
        name: `stage.unit`, also the folder in the store.
        work: writes the data files of one unit into a folder, given its payload; a function of a module, since it may
            run in another process. It and what it uses are the unit's code.
        data: names of the files that it writes.
        libraries: distributions that shape the result.
        network: whether it runs a network, so that on a cluster it goes where a GPU is free.
    """

    name: str
    work: Callable[[Any, Path], None]
    data: tuple[str, ...]
    libraries: tuple[str, ...] = ()
    network: bool = False


@dataclass(frozen=True)
class Unit:
    """One unit: what identifies its result, and what its work is given."""

    inputs: dict[str, str]
    payload: Any
    images: int


def map_units(build: Build, kind: UnitKind, config: dict[str, Any], units: Sequence[Unit]) -> list[Artifact]:
    """Answer for every unit, from the store or by working, and note them in the stage's artifact.

    Args:
        build: the stage that asks.
        kind: what is to be done.
        config: the values that shape the result.
        units: on what.

    Returns:
        The artifacts, in the order of `units`.
    """
    code = function_digest(kind.work, build.space.memo)
    libraries = {name: major_minor(library_version(name)) for name in kind.libraries}
    parts = [
        Parts(stage=kind.name, code=code, config=config, libraries=libraries, inputs=unit.inputs) for unit in units
    ]
    found = build.space.store.find_all(kind.name, [part.fingerprint() for part in parts])
    missing = [i for i, artifact in enumerate(found) if artifact is None]

    done, total = 0, sum(units[i].images for i in missing)
    with resources(kind.network and build.run.config.device == "cuda"):
        futures = {run_unit.submit(build.run.store, kind, parts[i], units[i].payload): i for i in missing}
    for future in as_completed(list(futures)):
        i = futures[future]
        found[i] = future.result()
        done += units[i].images
        build.progress(done, total, "images")

    artifacts = [artifact for artifact in found if artifact is not None]
    build.units += [f"{kind.name}/{artifact.manifest.fingerprint}" for artifact in artifacts]
    counts = {"units": len(units), "units_run": len(missing), "images_run": total}
    for name, value in counts.items():
        build.metrics[name] = build.metrics.get(name, 0) + value
    build.run.tell(Kind.UNITS, build.stage.name, unit=kind.name, **counts)
    return artifacts


@contextmanager
def resources(gpu: bool) -> Iterator[None]:
    """What is submitted within asks the cluster for a GPU of its own; the threads of this process have what there is.

    Dask's workers say what they have: `dask worker --resources GPU=1 --nthreads 1`. Ray finds its GPUs itself.
    """
    context = FlowRunContext.get()
    runner = type(context.task_runner).__name__ if gpu and context is not None else ""
    if runner == "DaskTaskRunner":
        from dask.base import annotate

        with annotate(resources={"GPU": 1}):
            yield
    elif runner == "RayTaskRunner":
        from prefect_ray.context import remote_options

        with remote_options(num_gpus=1):
            yield
    else:
        yield


@task(name="unit", task_run_name="{kind.name}", cache_policy=NO_CACHE, persist_result=False)
def run_unit(store: Place, kind: UnitKind, parts: Parts, payload: Any) -> Artifact:
    """Do one unit of work and commit its artifact."""
    space = Workspace.open(store)
    fingerprint = parts.fingerprint()
    started, clock = datetime.now(UTC), perf_counter()
    with space.store.building(kind.name, fingerprint) as draft:
        if found := space.store.find(kind.name, fingerprint):  # another run did it while we waited
            return found
        kind.work(payload, draft)
        files = record_files(draft, kind.data)
        manifest = Manifest(
            stage=kind.name,
            fingerprint=fingerprint,
            content=content_digest(files),
            recipe="",
            parts=parts,
            inputs={},
            units=(),
            files=files,
            metrics={},
            versions=parts.libraries,
            host=describe_host(),
            started=started,
            duration_s=round(perf_counter() - clock, 3),
        )
        return space.store.commit(draft, manifest)
