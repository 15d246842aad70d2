"""The pages of a report: complete, deterministic, and only what the templates put there."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from PIL import Image

from logoflow.report.model import Funnel, Headline, Report, StageReport
from logoflow.report.page import Page, Picture
from logoflow.report.write import write_report

Seen = Callable[[Path], Any]


def tree(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def pages(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.glob("*.html"))


def with_stage(report: Report, stage: StageReport) -> Report:
    return replace(report, stages=(stage,), headline=())


def test_hostile_names_add_no_element_and_no_attribute(
    plain: Report, hostile: Report, tmp_path: Path, seen: Seen
) -> None:
    write_report(plain, tmp_path / "a")
    write_report(hostile, tmp_path / "b")
    for page in pages(tmp_path / "a"):
        expected = seen(page).elements
        found = seen(tmp_path / "b" / page.name).elements
        assert [(tag, sorted(attributes)) for tag, attributes in found] == [
            (tag, sorted(attributes)) for tag, attributes in expected
        ]


def test_a_hostile_name_is_shown_as_it_is(hostile: Report, tmp_path: Path, seen: Seen) -> None:
    index = seen(write_report(hostile, tmp_path / "report"))
    assert "<script>alert(1)</script><img src=x onerror=alert(2)>&amp;{{ 7*7 }}" in index.text
    images = [attributes["alt"] for tag, attributes in index.elements if tag == "img" and attributes["alt"]]
    assert images
    assert all("<script>" in alt for alt in images)


def test_no_page_holds_a_script_or_an_event_handler(hostile: Report, tmp_path: Path, seen: Seen) -> None:
    write_report(hostile, tmp_path / "report")
    for page in pages(tmp_path / "report"):
        for tag, attributes in seen(page).elements:
            assert tag not in {"script", "iframe", "object", "embed", "base", "form"}
            assert not [name for name in attributes if name.startswith("on")]


def test_every_link_and_picture_is_a_file_of_the_report(hostile: Report, tmp_path: Path, seen: Seen) -> None:
    folder = tmp_path / "report"
    write_report(hostile, folder)
    found = Counter[str]()
    for page in pages(folder):
        elements = seen(page).elements
        ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
        assert len(ids) == len(set(ids)), "identifiers of a page must differ"
        for tag, attributes in elements:
            references = [attributes[name] for name in ("href", "src") if name in attributes]
            references += [part.split()[0] for part in attributes.get("srcset", "").split(",") if part]
            for reference in references:
                if reference.startswith("#"):
                    assert reference[1:] in ids
                elif reference != "data:,":
                    file, _, fragment = reference.partition("#")
                    assert (folder / unquote(file)).is_file(), f"{page.name}: {reference}"
                    assert not fragment or f'id="{fragment}"' in (folder / file).read_text("utf-8")
                    found[tag] += 1
            described = f"{attributes.get('aria-labelledby', '')}".split()
            assert set(described) <= set(ids)
    assert found["img"] >= 9
    assert found["a"] >= 30


def test_no_file_of_text_names_another_host(hostile: Report, tmp_path: Path) -> None:
    write_report(hostile, tmp_path / "report")
    for path in (tmp_path / "report").iterdir():
        if path.suffix in {".html", ".css"}:
            assert not re.search(r"(https?:)?//[a-z0-9]|@import|url\(", path.read_text("utf-8")), path.name


def test_equal_reports_give_equal_bytes(hostile: Report, tmp_path: Path) -> None:
    write_report(hostile, tmp_path / "a")
    write_report(hostile, tmp_path / "b")
    assert len(tree(tmp_path / "a")) >= 10
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_pictures_are_copied_byte_for_byte_under_plain_names(plain: Report, tmp_path: Path) -> None:
    folder = tmp_path / "report"
    write_report(plain, folder)
    assert (folder / "pictures/cluster/02-cluster-b.png").read_bytes() == (
        plain.stages[0].folder / "cluster <b>.png"
    ).read_bytes()


def test_a_large_picture_has_a_preview_of_the_same_shape(plain: Report, tmp_path: Path) -> None:
    write_report(plain, tmp_path / "report")
    with Image.open(tmp_path / "report/pictures/ingest/01-wide-preview.webp") as preview:
        assert preview.size == (720, 180)


def test_only_the_first_picture_of_a_page_is_loaded_at_once(plain: Report, tmp_path: Path, seen: Seen) -> None:
    write_report(plain, tmp_path / "report")
    for page in pages(tmp_path / "report"):
        images = [attributes for tag, attributes in seen(page).elements if tag == "img"]
        assert [attributes.get("loading") for attributes in images[1:]] == ["lazy"] * len(images[1:])


def test_the_funnel_shows_shares_of_the_images_offered(plain: Report, tmp_path: Path, seen: Seen) -> None:
    text = seen(write_report(plain, tmp_path / "report")).text
    shares = [float(share) for share in re.findall(r"(\d+\.\d)\N{NO-BREAK SPACE}%", text)]
    assert shares == pytest.approx([100 * n / 1640 for n in (41, 521, 214, 1640 - 41 - 521 - 214)], abs=0.05)
    assert sum(shares) == pytest.approx(100, abs=0.2)
    assert "1,640" in text
    assert "864" in text


def test_a_cluster_has_a_page_of_what_each_stage_knows_of_it(plain: Report, tmp_path: Path, seen: Seen) -> None:
    folder = tmp_path / "report"
    index = seen(write_report(plain, folder))
    assert {"cluster-0.html", "cluster-1.html"} <= {attributes.get("href") for _, attributes in index.elements}
    page = seen(folder / "cluster-1.html")
    links = [attributes["href"] for tag, attributes in page.elements if tag == "a"]
    assert [stage for stage in ("ingest", "embed", "cluster") if links.count(f"{stage}.html") > 1] == [
        "ingest", "cluster",
    ]  # fmt: skip
    assert links[-2:] == ["cluster-0.html", "index.html#clusters"]
    sources = {attributes["src"] for tag, attributes in page.elements if tag == "img"}
    for stage in ("ingest", "cluster"):
        folders = {source.rpartition("/")[0] for source in sources if stage in source.split("/")}
        assert folders == {f"pictures/{stage}/cluster-1"}
    assert len(sources) == 2 * (1 + 3)
    assert page.text.count("161") == 2


def test_a_stage_named_as_the_page_of_a_cluster_is_refused(plain: Report, tmp_path: Path) -> None:
    stage = replace(plain.stages[0], name="cluster-1")
    with pytest.raises(ValueError, match="cannot name a page"):
        write_report(replace(plain, stages=(stage,), headline=()), tmp_path / "report")


def test_a_report_without_funnel_pictures_and_stages_is_still_a_page(plain: Report, tmp_path: Path, seen: Seen) -> None:
    empty = replace(plain, funnel=Funnel(0), stages=(), headline=(), title="Empty")
    assert "Empty" in seen(write_report(empty, tmp_path / "report")).text


@pytest.mark.parametrize("name", ["index", "../escape", "", "Text", "a b"])
def test_a_stage_whose_name_cannot_be_a_page_is_refused(plain: Report, tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a page"):
        write_report(with_stage(plain, replace(plain.stages[0], name=name)), tmp_path / "report")


@pytest.mark.parametrize("file", ["../outside.png", "missing.png", "link.png", "."])
def test_a_picture_outside_the_folder_of_its_stage_is_refused(plain: Report, tmp_path: Path, file: str) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "outside.png")
    folder = plain.stages[0].folder
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    stage = replace(plain.stages[0], page=Page("", (Picture(file, "title", "alt"),)))
    with pytest.raises(ValueError, match="its folder lacks"):
        write_report(with_stage(plain, stage), tmp_path / "report")


def test_a_file_that_is_no_raster_picture_is_refused(plain: Report, tmp_path: Path) -> None:
    stage = replace(plain.stages[0], page=Page("", (Picture("drawing.png", "title", "alt"),)))
    (stage.folder / "drawing.png").write_text("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
    with pytest.raises(ValueError, match="write it as PNG"):
        write_report(with_stage(plain, stage), tmp_path / "report")


def test_a_headline_that_no_page_shows_is_refused(plain: Report, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="on no page"):
        write_report(replace(plain, headline=(Headline("embed", "wide.png"),)), tmp_path / "report")
