"""plan says for every stage what a run would do and why; nothing here trains or reads an image."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from logoflow.config.load import check_config
from logoflow.config.pipeline import PipelineConfig
from logoflow.errors import UserError
from logoflow.plan import Action, make_plan
from logoflow.resolve import Workspace
from logoflow.stages import STAGES, before

AFTER_CLUSTER = {"curate", "train_gan", "evaluate", "generate", "report"}


def actions(config: PipelineConfig, space: Workspace) -> dict[str, tuple[str, str]]:
    """(action, reason) by stage."""
    return {step.stage.name: (step.action.value, step.reason) for step in make_plan(config, space)}


def those(plan: dict[str, tuple[str, str]], action: Action) -> set[str]:
    return {name for name, (found, _) in plan.items() if found == action}


def test_before_anything_ran_the_first_stage_runs_and_the_others_wait_for_what_they_take(
    config: PipelineConfig, space: Workspace
) -> None:
    plan = actions(config, space)
    assert list(plan) == list(STAGES)
    assert plan.pop("ingest") == ("run", "never ran")
    for name, (action, reason) in plan.items():
        assert (action, reason) == ("pending", f"waits for {', '.join(STAGES[name].inputs)}")


def test_after_a_run_everything_is_up_to_date_and_the_plan_names_what_the_run_made(
    config: PipelineConfig, space: Workspace, rehearse: Any
) -> None:
    made = rehearse(config)
    steps = make_plan(config, space)
    assert [(step.action, step.reason) for step in steps] == [(Action.UP_TO_DATE, "up to date")] * len(STAGES)
    assert {step.stage.name: step.artifact for step in steps} == made


def test_planning_twice_tells_the_same_and_builds_nothing(
    config: PipelineConfig, space: Workspace, rehearse: Any
) -> None:
    rehearse(config, until="embed")
    artifacts, events = list(space.store.artifacts()), space.ledger.events()
    assert actions(config, space) == actions(config, Workspace.open(space.store.root))
    assert (list(space.store.artifacts()), space.ledger.events()) == (artifacts, events)


def test_a_changed_k_runs_cluster_keeps_what_is_before_it_and_lets_the_rest_wait(
    values: dict[str, Any], space: Workspace, rehearse: Any
) -> None:
    rehearse(check_config(values))
    plan = actions(check_config({**values, "cluster": {"k": 12}}), space)
    assert plan["cluster"] == ("run", "config k: 10 -> 12")
    assert those(plan, Action.PENDING) == AFTER_CLUSTER
    assert plan["curate"] == ("pending", "waits for cluster")
    assert those(plan, Action.UP_TO_DATE) == {*before("cluster"), "deduplicate"}


def test_a_stage_that_waits_and_is_changed_itself_says_so(
    values: dict[str, Any], space: Workspace, rehearse: Any
) -> None:
    rehearse(check_config(values))
    plan = actions(check_config({**values, "cluster": {"k": 12}, "generate": {"steps": 5}}), space)
    assert plan["generate"] == ("run", "config steps: 9 -> 5")
    assert plan["evaluate"][0] == "pending"


def test_a_changed_file_runs_ingest_and_says_which_source(
    config: PipelineConfig, space: Workspace, rehearse: Any
) -> None:
    rehearse(config)
    (Path(config.ingest.sources[0].path) / "new.png").write_bytes(b"a new logo")
    plan = actions(config, space)
    assert plan.pop("ingest") == ("run", "input logos changed")
    assert {action for action, _ in plan.values()} == {"pending"}


def test_going_back_to_an_earlier_configuration_finds_its_artifacts_again(
    values: dict[str, Any], space: Workspace, rehearse: Any
) -> None:
    first = rehearse(check_config(values))
    rehearse(check_config({**values, "cluster": {"k": 12}}))
    steps = make_plan(check_config(values), space)
    assert {step.stage.name: step.artifact for step in steps} == first


def test_a_stage_rebuilt_to_the_same_content_leaves_what_follows_up_to_date(
    values: dict[str, Any], space: Workspace, rehearse: Any
) -> None:
    rehearse.content["cluster"] = b"the same labels"
    first = rehearse(check_config(values))
    changed = check_config({**values, "cluster": {"restarts": 3}})
    assert those(actions(changed, space), Action.RUN) == {"cluster"}
    second = rehearse(changed, until="cluster")
    assert second["cluster"] != first["cluster"]
    assert second["cluster"].content == first["cluster"].content
    assert those(actions(changed, space), Action.UP_TO_DATE) == set(STAGES)


def test_a_stage_rebuilt_to_other_content_sends_what_follows_to_run(
    values: dict[str, Any], space: Workspace, rehearse: Any
) -> None:
    rehearse(check_config(values))
    changed = check_config({**values, "cluster": {"restarts": 3}})
    rehearse(changed, until="cluster")
    plan = actions(changed, space)
    assert plan["curate"] == ("run", "input cluster changed")
    assert those(plan, Action.PENDING) == AFTER_CLUSTER - {"curate"}


def test_an_artifact_that_is_gone_is_built_again_and_what_follows_waits(
    config: PipelineConfig, space: Workspace, rehearse: Any
) -> None:
    made = rehearse(config)
    space.store.remove(made["embed"].path)
    plan = actions(config, space)
    assert plan["embed"] == ("run", "its artifact is gone")
    assert plan["cluster"] == ("pending", "waits for embed")
    rehearse(config, until="embed")
    assert those(actions(config, space), Action.UP_TO_DATE) == set(STAGES)


def test_reasons_come_from_the_ledger_when_the_artifacts_are_gone(
    values: dict[str, Any], space: Workspace, rehearse: Any
) -> None:
    for artifact in rehearse(check_config(values)).values():
        if artifact.stage in {"cluster", *AFTER_CLUSTER}:
            space.store.remove(artifact.path)
    plan = actions(check_config({**values, "cluster": {"k": 12}, "curate": {"resolution": 64}}), space)
    assert plan["cluster"] == ("run", "config k: 10 -> 12")
    assert plan["curate"] == ("run", "config resolution: 32 -> 64")


def test_reasons_compare_with_the_same_pipeline(values: dict[str, Any], space: Workspace, rehearse: Any) -> None:
    rehearse(check_config(values))
    rehearse(check_config({**values, "name": "other", "cluster": {"k": 5}}))
    assert actions(check_config({**values, "cluster": {"k": 12}}), space)["cluster"][1] == "config k: 10 -> 12"
    changed = check_config({**values, "name": "other", "cluster": {"k": 12}})
    assert actions(changed, space)["cluster"][1] == "config k: 5 -> 12"
    new = check_config({**values, "name": "new", "cluster": {"k": 12}})
    assert actions(new, space)["cluster"][1] == "never ran"


def test_pipelines_share_artifacts(values: dict[str, Any], space: Workspace, rehearse: Any) -> None:
    made = rehearse(check_config(values))
    other = check_config({**values, "name": "other", "device": "cpu"})
    assert {step.stage.name: step.artifact for step in make_plan(other, space)} == made


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"cluster": {"k": 20}}, r"cluster\.k is 20, but the sources offer only 20 images: choose"),
        ({"train_gan": {"batch": 21}}, r"train_gan\.batch is 21, but the sources offer only 20 images: choose"),
        ({"train_encoder": {}}, r"train_encoder\.batch is 64 and train_encoder\.queue 512, but the sources offer"),
    ],
)
def test_what_so_few_images_cannot_satisfy_is_refused(
    values: dict[str, Any], space: Workspace, change: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        make_plan(check_config({**values, **change}), space)
    make_plan(check_config({**values, "cluster": {"k": 19}, "train_gan": {"batch": 20}}), space)


@pytest.mark.parametrize(
    ("break_it", "sentence"),
    [
        (lambda folder: folder.rename(folder.with_name("moved")), "does not exist: check the path"),
        (lambda folder: [path.unlink() for path in folder.iterdir()], "holds no images"),
    ],
)
def test_a_source_that_cannot_be_read_is_told_in_a_sentence(
    config: PipelineConfig, space: Workspace, break_it: Callable[[Path], Any], sentence: str
) -> None:
    break_it(Path(config.ingest.sources[0].path))
    with pytest.raises(UserError, match=sentence):
        make_plan(config, space)
