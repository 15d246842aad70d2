"""Repair: what is damaged is set aside, made again by the run that used it, and compared with what it was."""

import shutil
from collections.abc import Callable
from typing import Any

import pytest

from logoflow.cli.repair import configurations
from logoflow.config.load import check_config
from logoflow.errors import UserError
from logoflow.repair import find_broken, outcome, set_aside
from logoflow.resolve import Workspace
from logoflow.store.check import orphans
from logoflow.store.manifest import Parts
from logoflow.store.store import MANIFEST, Artifact


def damage(artifact: Artifact, name: str) -> None:
    path = artifact.path / name
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")


def test_a_damaged_artifact_is_made_again_by_the_run_that_used_it(
    space: Workspace, values: dict[str, Any], rehearse: Any
) -> None:
    old = check_config({**values, "cluster": {"k": 12}})
    made = rehearse(old)
    rehearse(check_config(values))
    damage(made["cluster"], "labels.parquet")
    (broken,) = find_broken(space)
    assert (broken.short, broken.problem) == (made["cluster"].short, "labels.parquet: its bytes have changed")
    assert configurations([broken], space) == [old]
    set_aside(broken, space.store)
    assert [one.problem for one in find_broken(space)] == ["set aside, not built again yet"]
    assert outcome(broken, space) == (
        False,
        "not built: no run makes it any more, since configuration, sources or code have changed",
    )
    needed = {("cluster", broken.fingerprint)}
    assert orphans(space.store, needed) == []
    rehearse(old)
    assert outcome(broken, space) == (True, "built again, the same content")
    assert find_broken(space) == []
    assert orphans(space.store, needed) == [broken.aside(space.store)]


def test_another_content_than_before_is_said(space: Workspace, values: dict[str, Any], rehearse: Any) -> None:
    config = check_config(values)
    made = rehearse(config)
    damage(made["cluster"], "centroids.npy")
    (broken,) = find_broken(space)
    set_aside(broken, space.store)
    rehearse.content["cluster"] = b"not reproducible"
    again = rehearse(config)["cluster"]
    was, now = made["cluster"].content[:8], again.content[:8]
    assert outcome(broken, space) == (False, f"built again, but its content is {now} instead of {was}")


def test_a_damaged_or_lost_unit_is_traced_to_the_run_of_the_artifact_that_refers_to_it(
    space: Workspace, values: dict[str, Any], rehearse: Any, commit: Callable[..., Artifact]
) -> None:
    made = rehearse(check_config(values))
    unit = commit(space.store, Parts(stage="embed.vectors", code="", config={}), {"x": b"1"})
    text = (
        (made["embed"].path / MANIFEST)
        .read_text()
        .replace('"units": []', f'"units": ["{unit.stage}/{unit.path.name}"]')
    )
    (made["embed"].path / MANIFEST).write_text(text)
    found = {broken.short: broken for broken in find_broken(space)}
    assert set(found) == {made["embed"].short}, "the manifest was edited, and its seal tells"
    shutil.rmtree(unit.path)
    found = {broken.short: broken for broken in find_broken(space)}
    assert found[unit.short].problem == f"{made['embed'].short} needs this unit"
    assert found[unit.short].run is not None
    assert found[unit.short].run.id == "run-1"


@pytest.mark.parametrize("name", ["labels.parquet", "centroids.npy"])
def test_a_damaged_file_is_not_handed_to_a_stage(
    space: Workspace, values: dict[str, Any], rehearse: Any, name: str
) -> None:
    made = rehearse(check_config(values))["cluster"]
    damage(made, name)
    assert space.store.find("cluster", made.manifest.fingerprint) is not None, "its size is right"
    with pytest.raises(UserError, match=f"{name} is damaged: `logoflow repair`"):
        made.file(name)
