"""A fingerprint changes with each of its parts and with nothing else, and the difference can be told in words."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logoflow.config.load import check_config
from logoflow.config.pipeline import PipelineConfig
from logoflow.errors import UserError
from logoflow.fingerprint import differences, fingerprinted, recipe_of, stage_parts
from logoflow.resolve import Workspace
from logoflow.stages import STAGES
from logoflow.store.manifest import Parts

WORDS = st.text(max_size=8)
MAPS = st.dictionaries(WORDS, WORDS, max_size=3)
CONFIGS = st.dictionaries(WORDS, st.integers() | WORDS | st.lists(st.integers(), max_size=2) | MAPS, max_size=4)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "stage": WORDS, "code": WORDS, "config": CONFIGS, "files": MAPS, "libraries": MAPS, "inputs": MAPS,
}  # fmt: skip
PARTS = st.builds(Parts, **FIELDS)


@settings(max_examples=60, deadline=None)
@given(PARTS, PARTS)
def test_fingerprints_are_equal_exactly_when_the_parts_are(one: Parts, other: Parts) -> None:
    assert (one.fingerprint() == other.fingerprint()) == (one == other)


@settings(max_examples=60, deadline=None)
@given(PARTS, st.sampled_from(sorted(FIELDS)), st.data())
def test_each_part_counts(parts: Parts, name: str, data: st.DataObject) -> None:
    value = data.draw(FIELDS[name])
    changed = parts.model_copy(update={name: value})
    assert (changed.fingerprint() == parts.fingerprint()) == (value == getattr(parts, name))


@settings(max_examples=60, deadline=None)
@given(PARTS)
def test_the_order_of_keys_does_not_count(parts: Parts) -> None:
    turned = {name: dict(reversed(getattr(parts, name).items())) for name in ("config", "files", "libraries", "inputs")}
    assert parts.model_copy(update=turned).fingerprint() == parts.fingerprint()


def test_a_value_does_not_move_from_one_part_to_another_unnoticed() -> None:
    one = Parts(stage="s", code="", config={}, files={"torch": "2.13"})
    other = Parts(stage="s", code="", config={}, libraries={"torch": "2.13"})
    assert one.fingerprint() != other.fingerprint()


BEFORE = Parts(
    stage="cluster",
    code="old",
    config={"k": 10, "nested": {"a": 1, "same": 2}, "gone": True},
    files={"craft": "00"},
    libraries={"torch": "2.12", "numpy": "2.4"},
    inputs={"embed": "11", "ingest": "22"},
)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, []),
        ({"config": {**BEFORE.config, "k": 12}}, ["config k: 10 -> 12"]),
        ({"config": {**BEFORE.config, "nested": {"a": 1.5, "same": 2}}}, ["config nested.a: 1 -> 1.5"]),
        ({"config": {"k": 10, "nested": {"a": 1, "same": 2}}}, ["config gone: True -> unset"]),
        ({"config": {**BEFORE.config, "new": "x"}}, ["config new: unset -> x"]),
        ({"libraries": {"torch": "2.13", "numpy": "2.4"}}, ["libraries torch: 2.12 -> 2.13"]),
        ({"files": {"craft": "01"}}, ["file craft changed"]),
        ({"inputs": {"embed": "12", "ingest": "22"}}, ["input embed changed"]),
        ({"inputs": {"embed": "11"}}, ["input ingest changed"]),
        ({"code": "new"}, ["code changed"]),
        ({"code": "new", "config": {**BEFORE.config, "k": 12}}, ["config k: 10 -> 12", "code changed"]),
    ],
)
def test_differences_name_what_changed_with_old_and_new_value(change: dict[str, Any], words: list[str]) -> None:
    assert differences(BEFORE, BEFORE.model_copy(update=change)) == words


@settings(max_examples=60, deadline=None)
@given(PARTS, PARTS)
def test_fingerprints_of_one_stage_differ_only_with_a_reason(one: Parts, other: Parts) -> None:
    other = other.model_copy(update={"stage": one.stage})
    assert bool(differences(one, other)) == (one.fingerprint() != other.fingerprint())


def parts_of(stage: str, values: dict[str, Any], space: Workspace) -> Parts:
    config = check_config(values)
    return stage_parts(STAGES[stage], getattr(config, stage), {"given": "00"}, space.memo)


def test_where_and_how_to_work_does_not_count_and_what_comes_out_does(values: dict[str, Any], space: Workspace) -> None:
    def fingerprint(stage: str, **section: Any) -> str:
        return parts_of(stage, {**values, stage: {**values.get(stage, {}), **section}}, space).fingerprint()

    assert fingerprint("detect_text", batch=4) == fingerprint("detect_text", batch=8)
    assert fingerprint("detect_text", threshold=0.6) != fingerprint("detect_text", threshold=0.7)
    assert fingerprint("train_gan", retrain={"when": "always"}) == fingerprint("train_gan")
    assert fingerprint("train_gan", seed=1) != fingerprint("train_gan", seed=2)
    source = values["ingest"]["sources"][0]
    moved = {**source, "path": "/elsewhere"}
    renamed = {**source, "name": "others"}
    assert fingerprint("ingest", sources=[moved]) == fingerprint("ingest", sources=[source])
    assert fingerprint("ingest", sources=[renamed]) != fingerprint("ingest", sources=[source])


def test_a_fingerprint_stands_for_its_own_section_alone(values: dict[str, Any], space: Workspace) -> None:
    changed = {**values, "cluster": {"k": 12}, "device": "cpu", "name": "other"}
    for stage in STAGES:
        same = parts_of(stage, changed, space) == parts_of(stage, values, space)
        assert same == (stage != "cluster"), stage


def test_weights_count_by_their_bytes_and_not_by_their_place(
    values: dict[str, Any], space: Workspace, tmp_path: Path
) -> None:
    def fingerprint(name: str, content: bytes) -> str:
        (tmp_path / name).write_bytes(content)
        section = {"detect_text": {"weights": str(tmp_path / name)}}
        return parts_of("detect_text", {**values, **section}, space).fingerprint()

    assert fingerprint("a.safetensors", b"1") == fingerprint("b.safetensors", b"1")
    assert fingerprint("a.safetensors", b"2") != fingerprint("b.safetensors", b"1")


def test_weights_that_are_not_there_are_told_in_a_sentence(values: dict[str, Any], space: Workspace) -> None:
    with pytest.raises(UserError, match=r"detect_text\.weights is nowhere\.pth.*: "):
        parts_of("detect_text", {**values, "detect_text": {"weights": "nowhere.pth"}}, space)


def test_a_recipe_is_the_same_for_other_images_and_another_for_anything_else(config: PipelineConfig) -> None:
    parts = Parts(stage="embed", code="c0de", config=fingerprinted(config.embed), inputs={"ingest": "00"})
    recipe = recipe_of(parts, {"ingest": "recipe"})
    assert recipe_of(parts.model_copy(update={"inputs": {"ingest": "01"}}), {"ingest": "recipe"}) == recipe
    assert recipe_of(parts, {"ingest": "another"}) != recipe
    for change in ({"code": "new"}, {"config": {"x": 1}}, {"files": {"w": "1"}}, {"libraries": {"torch": "2"}}):
        assert recipe_of(parts.model_copy(update=change), {"ingest": "recipe"}) != recipe
