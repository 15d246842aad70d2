"""All pages in a real browser, opened from disk: for axe-core, on a phone, in the dark, with very many logos."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from small_report import make_report

from logoflow.report.model import Report
from logoflow.report.page import ClusterPart, Group, Map, Picture, Point
from logoflow.report.write import write_report

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core is not installed")

PAGES = ("index", "ingest", "cluster-map", "cluster-0")
SHEETS = 210  # of 240 logos each: as many as a cluster of 50,400 has


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with everything that pages can hold, and a cluster of very many sheets."""
    folder = tmp_path_factory.mktemp("report")
    report = make_report(folder / "stages", "Kept logos")
    write_report(with_map_and_sheets(report, folder / "stages"), folder / "report")
    return folder / "report"


def with_map_and_sheets(report: Report, stage: Path) -> Report:
    noise = np.random.default_rng(0).integers(0, 256, (320, 192, 3), np.uint8)
    Image.fromarray(noise).save(stage / "sheet.webp", quality=60)
    drawn = Map(
        Picture("wide.png", "Map", "a map", "All logos."), "wide.png", 16, 100, (Group("Cluster 0", "#004488"),),
        (Point("one", 0.5, 0.5, 0), Point("two", 0.1, 0.9, 0)),
    )  # fmt: skip
    sheets = tuple(Picture("sheet.webp", "All logos", f"sheet {n}") for n in range(SHEETS))
    ingest, embed, cluster = report.stages
    crowded = replace(cluster.page, map=drawn, clusters=(ClusterPart(9, (("logos", 50_400),), (), sheets),))
    return replace(report, stages=(ingest, embed, replace(cluster, page=crowded)))


@pytest.fixture(params=[(390, "light"), (390, "dark"), (1280, "light"), (1280, "dark")], ids=str)
def reader(browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A browser's tab on a phone or a desktop, light or dark, in which nothing may go wrong."""
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("requestfailed", lambda request: wrong.append(request.url))
    page.on("request", lambda r: wrong.append(r.url) if not r.url.startswith(("file:", "data:")) else None)
    yield page
    context.close()
    assert wrong == []


def findings(page: Any) -> list[Any]:
    """What axe-core finds; it may not fetch style sheets, which the pages' policy forbids and it does not need."""
    violations: list[Any] = axe.Axe().run(page, options={"preload": False}).response["violations"]
    return violations


def test_no_page_has_a_finding_of_axe_and_none_is_wider_than_the_screen(reader: Any, folder: Path) -> None:
    for name in PAGES:
        reader.goto((folder / f"{name}.html").as_uri())
        found = findings(reader)
        assert [(name, finding["id"], finding["nodes"][0]["html"]) for finding in found] == []
        assert reader.evaluate("document.documentElement.scrollWidth") == reader.viewport_size["width"]


def test_axe_would_find_something(browser: Any) -> None:
    page = browser.new_page()
    page.set_content("<p style='color: #999; background: #fff'>faint</p><img src='data:,'>")
    assert {finding["id"] for finding in findings(page)} >= {"color-contrast", "image-alt"}
    page.close()


def test_of_50000_logos_only_the_nearest_are_loaded(reader: Any, folder: Path) -> None:
    loaded: list[str] = []
    reader.on("request", lambda request: loaded.append(request.url))
    reader.goto((folder / "cluster-9.html").as_uri())
    reader.wait_for_load_state("networkidle")
    sheets = {url for url in loaded if url.endswith(".webp")}
    assert 0 < len(sheets) < SHEETS / 4
    reader.keyboard.press("End")
    reader.locator(".sheets a").last.locator("img").evaluate("image => image.decode()")
    assert len({url for url in loaded if url.endswith(".webp")}) > len(sheets)


def test_every_link_is_reached_by_the_tab_key_and_seen(reader: Any, folder: Path) -> None:
    reader.goto((folder / "index.html").as_uri())
    count = reader.locator("a[href], summary, [tabindex='0']").count()
    focused = set()
    for _ in range(count):
        reader.keyboard.press("Tab")
        place, outline = reader.evaluate(
            "[[...document.querySelectorAll('*')].indexOf(document.activeElement),"
            " getComputedStyle(document.activeElement).outlineStyle]"
        )
        assert outline == "solid"
        focused.add(place)
    assert len(focused) == count


def test_a_wide_table_scrolls_in_its_place(reader: Any, folder: Path) -> None:
    reader.goto((folder / "index.html").as_uri())
    table = reader.locator(".scroll").first
    inner, outer = table.evaluate(
        "[...[document.querySelector('.scroll')].map(t => [t.scrollWidth, t.clientWidth])][0]"
    )
    assert (inner > outer) == (reader.viewport_size["width"] == 390)
    table.evaluate("table => table.scrollLeft = 1000")
    assert table.evaluate("table => table.scrollLeft") == inner - outer
