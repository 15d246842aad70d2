"""`logoflow doctor`: whether this machine and this environment can run a pipeline, with the remedy where not."""

import platform
import shutil
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import Any

import typer

from logoflow.cli.output import JsonOption, StoreOption, bytes_in_words, print_rows
from logoflow.errors import UserError
from logoflow.machine import describe_host, has_bfloat16, library_version
from logoflow.resolve import Place, Workspace
from logoflow.run import default_store

FREE_BYTES = 5 * 10**9
BREAKS_PREFECT = {"fastapi": (0, 151), "sqlalchemy": (2, 1)}
"""Libraries by the first version with which Prefect 3.8's server does not start, or never starts a scheduled run."""


def doctor(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Check what a run needs; exit with 1 when something is missing."""
    rows = [check_row(name, check) for name, check in checks(store or default_store())]
    print_rows(("check", "state", "found"), rows, as_json)
    if any(row["state"] != "ok" for row in rows):
        raise typer.Exit(1)


def check_row(name: str, check: Callable[[], str]) -> dict[str, Any]:
    """Run one check; what it raises is the complaint."""
    try:
        return {"check": name, "state": "ok", "found": check()}
    except Exception as error:  # whatever is wrong with the environment belongs in the table
        return {"check": name, "state": "wrong", "found": f"{error}"}


def checks(store: Place) -> Iterator[tuple[str, Callable[[], str]]]:
    """Everything that is looked at."""
    yield "python", check_python
    yield "torch", check_torch
    yield "prefect", check_prefect
    yield "faiss", check_faiss
    yield "CRAFT weights", check_craft
    yield "feature weights", check_features
    yield "store", lambda: check_store(store)


def check_python() -> str:
    """Version of the interpreter."""
    return platform.python_version()


def check_torch() -> str:
    """Version, device and precision."""
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {describe_host()['cores']} cores"
    return f"{torch.__version__}, {device}, {'bfloat16' if has_bfloat16() else 'float32 only'}"


def check_prefect() -> str:
    """Version of Prefect, with libraries that its server starts and schedules with."""
    found = {name: library_version(name) for name in BREAKS_PREFECT}
    for name, limit in BREAKS_PREFECT.items():
        if tuple(map(int, found[name].split(".")[:2])) >= limit:
            needed = f"{name}<{'.'.join(map(str, limit))}"
            raise UserError(f"{name} {found[name]} breaks Prefect's server: pip install '{needed}'.")
    return ", ".join([library_version("prefect"), *(f"{name} {version}" for name, version in found.items())])


def check_faiss() -> str:
    """Exactly one of the two builds."""
    found = [d.metadata["Name"] for d in metadata.distributions() if d.metadata["Name"] in ("faiss-cpu", "faiss-gpu")]
    if len(found) != 1:
        raise UserError(f"found {found or 'no faiss'}: install exactly one of the extras cpu and gpu.")
    return f"{found[0]} {library_version(found[0])}"


def check_craft() -> str:
    """The packaged file, hashed."""
    from craft.weights import packaged_weights

    return str(packaged_weights())


def check_features() -> str:
    """The packaged file, hashed."""
    from evaluation.weights import packaged_weights

    return str(packaged_weights())


def check_store(store: Place) -> str:
    """Readable, writable, with room here: for all of it, or for the mirror of what lies in a bucket."""
    opened = Workspace.open(store).store
    free = shutil.disk_usage(opened.root).free
    if free < FREE_BYTES:
        raise UserError(f"{opened.root} has only {bytes_in_words(free)} left: make room, or use another --store.")
    return f"{opened.place}, {bytes_in_words(free)} free"
