"""How a report opens in a browser: first paint, weight, what axe-core finds, and what goes wrong.

    python -m benchmarks.report_pages REPORT [--rounds 5] [--widths 390 1280] [--json]

REPORT is the folder that a run names at its end. Every page is opened from disk, each time in a browser context that
has cached nothing; the median of the rounds is told. Chromium is the one on the PATH.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Request, sync_playwright

QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
HEIGHT = 844
POLL_MS = 20
FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd"


@dataclass(frozen=True)
class Opened:
    """One row: a page at a width.

    Attributes:
        page: its file.
        width: of the window, px.
        first_paint_ms: until something was drawn.
        loaded_ms: until all that the window shows was there.
        megabytes: read, of all files.
        findings: of axe-core, by their ids.
        errors: on the console, and files that were not there.
    """

    page: str
    width: int
    first_paint_ms: float
    loaded_ms: float
    megabytes: float
    findings: list[str]
    errors: list[str]


def main() -> None:
    """Open all pages, print a table or JSON; exit 1 where something is wrong with one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--widths", type=int, nargs="+", default=[390, 1280])
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    given = parser.parse_args()
    chromium = next(filter(None, map(shutil.which, BROWSERS)), None)
    if chromium is None:
        sys.exit("There is no Chromium on the PATH: install one.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        pages = sorted(given.report.glob("*.html"))
        found = [look(browser, page, width, given.rounds) for page in pages for width in given.widths]
        browser.close()
    show(found, given.json)
    sys.exit(any(one.findings or one.errors for one in found))


def look(browser: Browser, page: Path, width: int, rounds: int) -> Opened:
    """Open a page so many times, and look at it closer the last time."""
    paints, loads, errors = [], [], []
    findings: list[str] = []
    for last in [False] * (rounds - 1) + [True]:
        context = browser.new_context(viewport={"width": width, "height": HEIGHT})
        tab = context.new_page()
        read: set[str] = set()
        tab.on("requestfinished", partial(note, read))
        tab.on("console", lambda message: errors.append(message.text))
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.on("requestfailed", lambda request: errors.append(request.url))
        tab.goto(page.absolute().as_uri(), wait_until="networkidle")
        while (painted := tab.evaluate(FIRST_PAINT)) is None:  # not told before the frame is on the screen
            tab.wait_for_timeout(POLL_MS)
        paints.append(painted)
        loads.append(tab.evaluate(LOADED))
        if last:
            violations = Axe().run(tab, options={"preload": False}).response["violations"]
            findings = [finding["id"] for finding in violations]
        context.close()
    weight = sum(Path(url.removeprefix("file://")).stat().st_size for url in read if url.startswith("file:"))
    return Opened(page.name, width, median(paints), median(loads), weight / 1e6, findings, sorted(set(errors)))


def note(read: set[str], request: Request) -> None:
    """Remember what was read."""
    read.add(request.url)


def show(found: Sequence[Opened], as_json: bool) -> None:
    """Print what was seen."""
    if as_json:
        print(json.dumps([asdict(one) for one in found], indent=1))
        return
    print(f"{'page':<22} {'px':>5} {'paint ms':>9} {'loaded ms':>10} {'MB':>6}  findings and errors")
    for one in found:
        wrong = ", ".join([*one.findings, *one.errors])
        times = f"{one.first_paint_ms:9.0f} {one.loaded_ms:10.0f}"
        print(f"{one.page:<22} {one.width:5} {times} {one.megabytes:6.2f}  {wrong}")
    slowest = max(found, key=lambda one: one.first_paint_ms)
    print(f"\nThe slowest first paint: {slowest.first_paint_ms:.0f} ms, {slowest.page} at {slowest.width} px.")


if __name__ == "__main__":
    main()
