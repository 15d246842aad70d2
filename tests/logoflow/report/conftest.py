"""A small report whose every name is hostile, and a parser that tells what a browser would see."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from logoflow.report.model import Departure, Funnel, Headline, Report, StageReport
from logoflow.report.page import Curve, Page, Picture, Series, Table

HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>&amp;{{ 7*7 }}\udcff\x00$\\frac$"


@dataclass
class Seen(HTMLParser):
    """The elements of a document with their attributes, and its text."""

    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    text: str = ""

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def seen() -> Callable[[Path], Seen]:
    def parse(path: Path) -> Seen:
        parser = Seen()
        parser.feed(path.read_text("utf-8"))
        parser.close()
        return parser

    return parse


def make_report(folder: Path, name: str) -> Report:
    """A report of three stages in which every text that can come from data is `name`."""
    folder.mkdir()
    Image.new("RGB", (1600, 400), "teal").save(folder / "wide.png")
    Image.new("P", (64, 64)).save(folder / "cluster <b>.png")
    lines = (Series(name, (0.0, 1.0, 2.0), (3.0, float("nan"), 1.0)), Series("one point", (1.0,), (2.0,)))
    shown = Page(
        name,
        (Picture("wide.png", name, name, name), Picture("cluster <b>.png", name, name)),
        (Curve(name, name, name, lines), Curve("empty", "x", "y", (), log_y=True)),
        (Table(name, (name, "score"), ((name, 0.75), (None, None)), name),),
    )

    def stage(identifier: str, page: Page) -> StageReport:
        settings = {name: {name: [name, 1, None]}}
        return StageReport(
            identifier, name, "Built", name, "f" * 64, "c" * 64, 1.5, settings, {name: name}, page, folder
        )

    return Report(
        name=name,
        created=datetime(2025, 3, 1, 12, 30, tzinfo=UTC),
        machine={name: name},
        versions={name: name},
        funnel=Funnel(
            1640, (Departure(name, 41, "ingest", name), Departure("With text", 521), Departure("Copies", 214))
        ),
        stages=(stage("ingest", shown), stage("embed", Page("nothing to see")), stage("cluster", shown)),
        headline=(Headline("ingest", "wide.png"), Headline("cluster", "cluster <b>.png")),
    )


@pytest.fixture
def plain(tmp_path: Path) -> Report:
    return make_report(tmp_path / "plain", "Kept logos")


@pytest.fixture
def hostile(tmp_path: Path) -> Report:
    return make_report(tmp_path / "hostile", HOSTILE)
