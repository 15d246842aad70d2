"""gc keeps what people accepted, what configurations pin, and everything while a run goes on."""

import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from logoflow.config.load import check_config
from logoflow.keep import SILENT, needed, pins_of, working
from logoflow.machine import process_birth
from logoflow.resolve import Workspace
from logoflow.stages import before
from logoflow.store.ledger import Event, Kind
from logoflow.store.store import Artifact


def keys(made: dict[str, Artifact], *names: str) -> set[tuple[str, str]]:
    return {(name, made[name].manifest.fingerprint) for name in names}


def test_what_was_accepted_is_needed_however_many_runs_came_after(
    space: Workspace, values: dict[str, Any], rehearse: Any
) -> None:
    accepted = rehearse(check_config(values))
    names = [name for name in before("report") if name != "generate"]
    told = {"artifacts": {name: accepted[name].manifest.fingerprint for name in names}}
    space.ledger.append(Event("run-1", "rehearsal", Kind.ACCEPTED, data=told))
    rehearse(check_config({**values, "cluster": {"k": 12}}))
    kept, _ = needed(space.store, space.ledger, 1)
    assert keys(accepted, *names) <= kept
    assert not keys(accepted, "generate", "report") & kept


def test_a_pinned_clustering_is_needed_as_long_as_a_recent_run_names_it(
    space: Workspace, values: dict[str, Any], rehearse: Any
) -> None:
    first = rehearse(check_config(values))
    reference = first["cluster"].manifest.fingerprint[:12]
    pinning = {**values, "cluster": {"k": 12, "reference": reference}}
    rehearse(check_config(pinning))
    assert keys(first, "cluster") <= needed(space.store, space.ledger, 1)[0]
    rehearse(check_config({**values, "cluster": {"k": 9}}))
    assert not keys(first, "cluster") & needed(space.store, space.ledger, 1)[0]


def test_pinned_models_are_named_by_stage() -> None:
    config = {
        "name": "x",
        "cluster": {"reference": "abcdef01"},
        "train_gan": {"retrain": {"when": "never", "pin": "01234567"}},
        "train_encoder": {"retrain": {"when": "growth", "pin": None}},
    }
    assert set(pins_of(config)) == {("cluster", "abcdef01"), ("train_gan", "01234567")}


@pytest.mark.parametrize(
    ("host", "age", "goes_on"),
    [
        (socket.gethostname(), 2 * SILENT, False),  # its process is gone
        ("elsewhere", SILENT / 2, True),
        ("elsewhere", 2 * SILENT, False),
    ],
)
def test_a_run_of_another_machine_goes_on_while_it_gives_signs_of_life(
    space: Workspace, host: str, age: Any, goes_on: bool
) -> None:
    told = {"pid": 1, "born": "never", "host": {"name": host}, "config": {}}
    space.ledger.append(Event("there", "demo", Kind.RUN_STARTED, data=told, at=datetime.now(UTC) - age))
    assert working(space.ledger) == (["there"] if goes_on else [])


def test_while_a_run_goes_on_gc_takes_orphans_only(
    space: Workspace, values: dict[str, Any], rehearse: Any, commit: Callable[..., Artifact]
) -> None:
    from logoflow.cli.maintain import gc

    old = rehearse(check_config(values))
    rehearse(check_config({**values, "cluster": {"k": 12}}))
    orphan = space.store.root / ".tmp" / "cluster-dead"
    orphan.mkdir(parents=True)
    me = {"pid": os.getpid(), "born": process_birth(os.getpid()), "host": {"name": socket.gethostname()}, "config": {}}
    space.ledger.append(Event("now", "rehearsal", Kind.RUN_STARTED, data=me))
    with space.store.building("embed", "f00d") as draft:
        gc(keep_last=1, delete=True, store=space.store.root)
        assert draft.exists()
    assert old["cluster"].path.exists()
    assert not orphan.exists()
    space.ledger.append(Event("now", "rehearsal", Kind.RUN_ENDED, data={"state": "completed"}))
    gc(keep_last=1, delete=True, store=space.store.root)
    assert not old["cluster"].path.exists()
