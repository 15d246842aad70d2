"""Two runs side by side: what is told of settings, sources and stages follows from what the runs did."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from logoflow.comparison.compare import Change, changes, compare
from logoflow.comparison.page import write_comparison
from logoflow.config.load import check_config
from logoflow.errors import UserError
from logoflow.report.page import Curve, Page, Picture, Series, write_page
from logoflow.resolve import Workspace
from logoflow.stages import STAGES
from logoflow.status import find_run

Compare = Callable[[], Any]


@pytest.fixture
def diff(space: Workspace) -> Compare:
    """Compare the first two runs."""
    return lambda: compare(find_run(space.ledger, "run-1"), find_run(space.ledger, "run-2"), space)


def test_a_changed_setting_is_told_with_both_values_and_what_it_rebuilt(
    rehearse: Callable[..., Any], values: dict[str, Any], diff: Compare
) -> None:
    rehearse.content = {"ingest": json.dumps({"sources": {"logos": {"offered": 20}}}).encode()}  # type: ignore[attr-defined]
    rehearse(check_config(values))
    rehearse(check_config({**values, "cluster": {**values.get("cluster", {}), "restarts": 3}}))
    found = diff()
    assert found.config == (Change("cluster.restarts", 10, 3),)
    stages = {stage.name: (stage.what, stage.why) for stage in found.stages}
    assert stages["cluster"] == ("rebuilt", "config restarts: 10 -> 3")
    assert stages["curate"] == ("rebuilt", "input cluster changed")
    shared = {name for name, (what, _) in stages.items() if what == "shared"}
    assert shared == {"ingest", "detect_text", "train_encoder", "embed", "deduplicate"}
    (source,) = found.sources
    assert (source.images_before, source.images_after) == (20, 20)
    assert source.digest_before == source.digest_after


def test_a_new_image_is_told_by_its_source(rehearse: Callable[..., Any], values: dict[str, Any], diff: Compare) -> None:
    funnel = {"sources": {"logos": {"offered": 20}}}
    rehearse.content = {"ingest": json.dumps(funnel).encode()}  # type: ignore[attr-defined]
    rehearse(check_config(values), until="ingest")
    (source,) = check_config(values).ingest.sources
    (Path(source.path) / "new.png").write_bytes(b"new")
    funnel["sources"]["logos"]["offered"] = 21
    rehearse.content = {"ingest": json.dumps(funnel).encode()}  # type: ignore[attr-defined]
    rehearse(check_config(values), until="ingest")
    found = diff()
    (told,) = found.sources
    assert (told.images_before, told.images_after) == (20, 21)
    assert told.digest_before != told.digest_after
    assert {stage.what for stage in found.stages} == {"rebuilt", "not in the first and second"}


def test_leaves_of_nested_settings_are_compared_one_by_one() -> None:
    before = {"a": {"b": 1, "c": [1, 2]}, "same": True, "gone": "x"}
    after = {"a": {"b": 3, "c": [1]}, "same": True, "new": None}
    found = changes(before, after)
    assert found == (
        Change("a.b", 1, 3), Change("a.c", [1, 2], [1]), Change("gone", "x", None), Change("new", None, None),
    )  # fmt: skip
    assert [change.difference for change in found] == [2, None, None, None]


def test_the_page_shows_pictures_and_curves_of_both_runs(
    rehearse: Callable[..., Any], values: dict[str, Any], diff: Compare, space: Workspace, tmp_path: Path
) -> None:
    rehearse.content = {"ingest": json.dumps({"sources": {}}).encode()}  # type: ignore[attr-defined]
    rehearse(check_config(values))
    rehearse(check_config({**values, "generate": {"per_cluster": 3}}))
    for number, artifact in enumerate(space.store.artifacts("generate")):
        Image.new("RGB", (40, 30), ["red", "blue"][number]).save(artifact.path / "grid.png")
        curve = Curve("Loss", "kimg", "loss", (Series("d", (0.0, 1.0), (1.0, float(number))),))
        write_page(Page("", (Picture("grid.png", "<b>Grid</b>", "a grid"),), (curve,)), artifact.path)
    for stage in STAGES:
        for artifact in space.store.artifacts(stage):
            if not (artifact.path / "page.json").exists():
                write_page(Page(""), artifact.path)
    page = write_comparison(diff(), tmp_path / "page").read_text()
    for side, colour in (("before", (255, 0, 0)), ("after", (0, 0, 255))):
        name = f"pictures/generate/{side}/01-grid.png"
        assert f'src="{name}"' in page
        with Image.open(tmp_path / "page" / name) as shown:
            assert shown.getpixel((0, 0)) == colour
    assert "&lt;b&gt;Grid&lt;/b&gt;" in page
    assert page.count('class="chart"') == 2


@pytest.mark.parametrize(("beginning", "count"), [("run-", "2"), ("walk", "no")])
def test_a_run_is_named_by_the_beginning_of_its_id_alone(
    rehearse: Callable[..., Any], values: dict[str, Any], space: Workspace, beginning: str, count: str
) -> None:
    for _ in range(2):
        rehearse(check_config(values), until="ingest")
    with pytest.raises(UserError, match=f"{count} runs have an id that begins with {beginning}"):
        find_run(space.ledger, beginning)
