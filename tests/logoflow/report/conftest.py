"""Small reports, a browser, and a parser that tells what a browser would see."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from small_report import HOSTILE, make_report

from logoflow.report.model import Report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium that is there, without a window."""
    sync_api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield started
        started.close()


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


@pytest.fixture
def plain(tmp_path: Path) -> Report:
    return make_report(tmp_path / "plain", "Kept logos")


@pytest.fixture
def hostile(tmp_path: Path) -> Report:
    return make_report(tmp_path / "hostile", HOSTILE)
