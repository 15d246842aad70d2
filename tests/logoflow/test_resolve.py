"""When a model is trained again although only the images changed: always, never, or when enough of them did."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from logoflow.config.load import check_config
from logoflow.config.pipeline import PipelineConfig
from logoflow.errors import UserError
from logoflow.plan import Step, make_plan
from logoflow.resolve import Workspace, read_members, write_members
from logoflow.store.store import Artifact

Ids = Callable[[range], list[str]]

POLICIES = ("train_encoder", "train_gan")


def with_policy(values: dict[str, Any], **policy: Any) -> PipelineConfig:
    """The configuration with this retrain policy for both models."""
    return check_config({**values, **{name: {**values.get(name, {}), "retrain": policy} for name in POLICIES}})


@pytest.fixture
def grow(space: Workspace, rehearse: Any) -> Callable[[PipelineConfig, list[str]], dict[str, Step]]:
    """Let the source offer a new file, so that everything is new, and let other ids through to the training."""

    def grown(config: PipelineConfig, images: list[str]) -> dict[str, Step]:
        (Path(config.ingest.sources[0].path) / f"{rehearse.runs}.png").write_bytes(b"new")
        rehearse.images = images
        rehearse(config, until="detect_text")
        return {step.stage.name: step for step in make_plan(config, space)}

    return grown


@pytest.fixture
def trained(values: dict[str, Any], rehearse: Any) -> dict[str, Artifact]:
    """A first run over a hundred images."""
    made: dict[str, Artifact] = rehearse(check_config(values))
    return made


@pytest.mark.parametrize(
    ("share", "images", "kept", "words"),
    [
        (0.05, range(105), True, "kept: 5 of 100 images changed (5.0%, limit 5.0%)"),
        (0.05, range(5, 100), True, "kept: 5 of 100 images changed (5.0%, limit 5.0%)"),
        (0.05, range(3, 102), True, "kept: 5 of 100 images changed (5.0%, limit 5.0%)"),
        (0.05, range(106), False, "6 of 100 images changed (6.0%, limit 5.0%)"),
        (0.05, range(3, 103), False, "6 of 100 images changed (6.0%, limit 5.0%)"),
        (0.05, range(94), False, "6 of 100 images changed (6.0%, limit 5.0%)"),
        (0.0, range(100), True, "kept: 0 of 100 images changed (0.0%, limit 0.0%)"),
        (0.0, range(101), False, "1 of 100 images changed (1.0%, limit 0.0%)"),
        (0.025, range(102), True, "kept: 2 of 100 images changed (2.0%, limit 2.5%)"),
        (2.0, range(100, 200), True, "kept: 200 of 100 images changed (200.0%, limit 200.0%)"),
        (1.9, range(100, 200), False, "200 of 100 images changed"),
    ],
)
def test_growth_keeps_a_model_up_to_the_share_and_not_beyond(
    values: dict[str, Any],
    trained: dict[str, Artifact],
    grow: Callable[..., dict[str, Step]],
    ids: Ids,
    share: float,
    images: range,
    kept: bool,
    words: str,
) -> None:
    step = grow(with_policy(values, when="growth", share=share), ids(images))["train_encoder"]
    assert step.artifact == (trained["train_encoder"] if kept else None)
    assert words in step.reason
    assert step.action.value == ("up to date" if kept else "run")


def test_growth_counts_from_the_images_that_the_model_was_trained_on(
    values: dict[str, Any], trained: dict[str, Artifact], grow: Callable[..., dict[str, Step]], ids: Ids
) -> None:
    config = with_policy(values, when="growth", share=0.05)
    for count in (102, 104):
        assert grow(config, ids(range(count)))["train_encoder"].artifact == trained["train_encoder"]
    assert grow(config, ids(range(106)))["train_encoder"].artifact is None


def test_growth_takes_the_newest_model_that_is_near_enough(
    values: dict[str, Any], trained: dict[str, Artifact], grow: Callable[..., dict[str, Step]], rehearse: Any, ids: Ids
) -> None:
    config = with_policy(values, when="growth", share=0.05)
    grow(config, ids(range(120)))
    newer = rehearse(config)["train_encoder"]
    assert newer != trained["train_encoder"]
    assert grow(config, ids(range(119)))["train_encoder"].artifact == newer
    assert grow(config, ids(range(102)))["train_encoder"].artifact == trained["train_encoder"]


@pytest.mark.parametrize(
    "change",
    [
        {"train_encoder": {"epochs": 3, "batch": 4, "queue": 8, "normalisation_groups": 2}},
        {"detect_text": {"threshold": 0.6}},
        {"ingest": {"min_side": 17}},
        {"seed": 1},
    ],
)
def test_growth_trains_again_when_anything_but_the_images_changed(
    values: dict[str, Any],
    trained: dict[str, Artifact],
    grow: Callable[..., dict[str, Step]],
    ids: Ids,
    change: dict[str, Any],
) -> None:
    merged = {**values, **change}
    merged["ingest"] = {**values["ingest"], **change.get("ingest", {})}
    assert grow(check_config(merged), ids(range(100)))["train_encoder"].artifact is None


def test_growth_does_not_keep_a_model_that_is_damaged(
    values: dict[str, Any], trained: dict[str, Artifact], grow: Callable[..., dict[str, Step]], ids: Ids
) -> None:
    for name in ("members", "encoder.safetensors"):
        trained["train_encoder"].file(name).unlink()
        step = grow(with_policy(values, when="growth"), ids(range(101)))["train_encoder"]
        assert step.artifact is None


def test_a_kept_model_keeps_what_rests_on_it_alone(
    values: dict[str, Any], trained: dict[str, Artifact], rehearse: Any, space: Workspace, ids: Ids
) -> None:
    config = with_policy(values, when="growth", share=0.05)
    (Path(config.ingest.sources[0].path) / "new.png").write_bytes(b"new")
    rehearse.images = ids(range(101))
    made = rehearse(config)
    assert made["train_encoder"] == trained["train_encoder"]
    assert made["train_gan"] == trained["train_gan"]
    assert made["embed"] != trained["embed"]
    assert [step.artifact for step in make_plan(config, space)] == list(made.values())


def test_always_trains_again_for_a_single_image(
    values: dict[str, Any], trained: dict[str, Artifact], grow: Callable[..., dict[str, Step]], ids: Ids
) -> None:
    step = grow(with_policy(values, when="always"), ids(range(101)))["train_encoder"]
    assert step.artifact is None
    assert step.reason == "input detect_text changed, input ingest changed"


def test_never_takes_the_pinned_model_whatever_changed_and_whatever_else_is_there(
    values: dict[str, Any], trained: dict[str, Artifact], rehearse: Any, space: Workspace
) -> None:
    changed = {**values, "train_encoder": {**values["train_encoder"], "epochs": 3}}
    other = rehearse(check_config(changed))
    assert other["train_encoder"] != trained["train_encoder"]
    for model in (trained["train_encoder"], other["train_encoder"]):
        pin = {"when": "never", "pin": model.manifest.fingerprint[:8]}
        config = check_config({**values, "train_encoder": {**values["train_encoder"], "retrain": pin}})
        step = {step.stage.name: step for step in make_plan(config, space)}["train_encoder"]
        assert step.artifact == model
        assert step.reason == "pinned by train_encoder.retrain"


def test_a_pin_that_the_store_does_not_hold_is_told_in_a_sentence(
    values: dict[str, Any], trained: dict[str, Artifact], space: Workspace
) -> None:
    config = with_policy(values, when="never", pin="0123456789")
    with pytest.raises(UserError, match=r"train_encoder\.retrain\.pin is 0123456789, .*`logoflow show train_encoder`"):
        make_plan(config, space)


def test_members_are_read_as_they_were_written(tmp_path: Any, ids: Ids) -> None:
    write_members(tmp_path / "members", ids(range(5))[::-1])
    assert (tmp_path / "members").read_bytes() == b"".join(n.to_bytes(32, "big") for n in range(5))
    assert read_members(tmp_path / "members") == {n.to_bytes(32, "big") for n in range(5)}
