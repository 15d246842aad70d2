"""A map in a report: its page holds the one script that the report allows, and no name can add to it."""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from logoflow.report.model import Report
from logoflow.report.page import Group, Map, Page, Picture, Point, read_page, write_page
from logoflow.report.write import write_report

Seen = Callable[[Path], Any]


def with_map(report: Report) -> Report:
    """The same report with a map on the page of its first stage, whose every text is the report's name."""
    stage, name = report.stages[0], report.name
    Image.new("RGB", (1600, 800), "navy").save(stage.folder / "still.webp")
    Image.new("RGB", (128, 64), "olive").save(stage.folder / "sprite.webp")
    drawn = Map(
        Picture("still.webp", name, name, name), "sprite.webp", 64, 2, (Group(name, "#0a0b0c"), Group("b", "#ffffff")),
        (Point(name, 0.0, 1.0, 0), Point("second", 0.5, 0.25, 1)),
    )  # fmt: skip
    return replace(report, stages=(replace(stage, page=replace(stage.page, map=drawn)), *report.stages[1:]))


def scripts(page: Path) -> list[str]:
    return re.findall(r"<script(?![^>]*json)[^>]*>(.*?)</script>", page.read_text("utf-8"), re.DOTALL)


def policy(seen: Any) -> str:
    (found,) = [a["content"] for tag, a in seen.elements if tag == "meta" and "http-equiv" in a]
    return str(found)


def test_only_the_map_s_page_holds_a_script_and_its_policy_names_that_script(
    hostile: Report, tmp_path: Path, seen: Seen
) -> None:
    folder = tmp_path / "report"
    write_report(with_map(hostile), folder)
    for page in folder.glob("*.html"):
        if page.name == "ingest-map.html":
            (script,) = scripts(page)
            digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
            assert f"script-src 'sha256-{digest}';" in policy(seen(page))
        else:
            assert scripts(page) == []
            assert "script-src 'none';" in policy(seen(page))


def test_hostile_names_add_no_element_to_a_map_and_arrive_as_they_are(
    plain: Report, hostile: Report, tmp_path: Path, seen: Seen
) -> None:
    found = {}
    for name, report in (("plain", plain), ("hostile", hostile)):
        write_report(with_map(report), tmp_path / f"report-{name}")
        parsed = seen(tmp_path / f"report-{name}" / "ingest-map.html")
        found[name] = [(tag, sorted(attributes)) for tag, attributes in parsed.elements]
    assert found["hostile"] == found["plain"]
    text = (tmp_path / "report-hostile" / "ingest-map.html").read_text("utf-8")
    (data,) = re.findall(r'<script type="application/json" id="map-data">(.*?)</script>', text, re.DOTALL)
    assert json.loads(data)["points"][0] == [hostile.name, 0.0, 1.0, 0]


def test_the_map_s_files_are_in_the_report_and_its_pages_lead_to_one_another(
    plain: Report, tmp_path: Path, seen: Seen
) -> None:
    folder = tmp_path / "report"
    write_report(with_map(plain), folder)
    text = (folder / "ingest-map.html").read_text("utf-8")
    (data,) = re.findall(r'id="map-data">(.*?)</script>', text, re.DOTALL)
    sprite = json.loads(data)["sprite"]
    assert (folder / sprite).read_bytes() == (plain.stages[0].folder / "sprite.webp").read_bytes()
    assert "ingest-map.html" in [a.get("href") for _, a in seen(folder / "ingest.html").elements]
    assert "ingest.html" in [a.get("href") for _, a in seen(folder / "ingest-map.html").elements]
    stills = [a["src"] for tag, a in seen(folder / "ingest-map.html").elements if tag == "img"]
    assert [(folder / still).is_file() for still in stills] == [True]
    assert not re.search(r"(https?:)?//[a-z0-9]|@import|\bimport\(|fetch\(|XMLHttp|eval\(|innerHTML", text)


def test_the_script_is_whole_in_the_package_and_ends_no_element() -> None:
    script = Path(__file__).parents[3] / "logoflow/report/templates/map.js"
    assert "</" not in script.read_text("utf-8")
    assert "<!--" not in script.read_text("utf-8")


def test_a_map_reads_back_as_it_was_written(plain: Report, tmp_path: Path) -> None:
    page = with_map(plain).stages[0].page
    write_page(page, tmp_path)
    assert page.map is not None
    assert read_page(tmp_path).map == page.map


def test_pages_of_earlier_versions_have_no_map(tmp_path: Path) -> None:
    (tmp_path / "page.json").write_text('{"summary": "done", "pictures": [], "curves": [], "tables": []}')
    assert read_page(tmp_path) == Page("done")


@pytest.mark.parametrize("point", [Point("a", -0.1, 0, 0), Point("a", 0, 1.1, 0), Point("a", 0, 0, 1)])
def test_points_outside_of_the_map_are_refused(point: Point) -> None:
    with pytest.raises(ValueError, match="is not on the map"):
        Map(Picture("a.png", "", ""), "b.png", 64, 1, (Group("g", "#000000"),), (point,))


@pytest.mark.parametrize("colour", ["red", "#fff", "#000000;background:url(//x)", ""])
def test_colours_are_only_colours(colour: str) -> None:
    with pytest.raises(ValueError, match="write it as #1a2b3c"):
        Group("g", colour)


def test_a_stage_may_not_take_the_name_of_a_map_s_page(plain: Report, tmp_path: Path) -> None:
    report = with_map(plain)
    clashing = replace(report, stages=(report.stages[0], replace(report.stages[1], name="ingest-map")), headline=())
    with pytest.raises(ValueError, match="cannot name a page"):
        write_report(clashing, tmp_path / "report")
