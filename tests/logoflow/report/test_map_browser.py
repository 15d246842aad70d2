"""The map in a real browser, opened from disk: hover, zoom, drag, pinch, keys, groups, no script, no network."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from PIL import Image

from logoflow.report.model import Funnel, Report, StageReport
from logoflow.report.page import Group, Map, Page, Picture, Point
from logoflow.report.write import write_report

SIDE, MARGIN, TILE = 5, 28, 16
CANVAS = ".map-plane > canvas"
HOSTILE = "<img src=x onerror=alert(1)>\"'</script> (source)"


def colour_of(index: int) -> tuple[int, int, int]:
    return (40 + 8 * index, 220 - 7 * index, (index * 53) % 256)


@pytest.fixture(scope="module")
def page_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A map of 25 logos of one colour each, in five rows, which are the groups; the first has a hostile name."""
    folder = tmp_path_factory.mktemp("stage")
    sprite = Image.new("RGB", (SIDE * TILE, SIDE * TILE))
    for index in range(SIDE * SIDE):
        sprite.paste(colour_of(index), ((index % SIDE) * TILE, (index // SIDE) * TILE, 999, 999))
    sprite.save(folder / "sprite.png")
    sprite.save(folder / "still.png")
    points = tuple(
        Point(HOSTILE if i == 0 else f"logo {i}", (i % SIDE) / (SIDE - 1), (i // SIDE) / (SIDE - 1), i // SIDE)
        for i in range(SIDE * SIDE)
    )
    groups = tuple(Group(f"Cluster {g}", f"#{g}0{g}0{g}0") for g in range(SIDE))
    drawn = Map(Picture("still.png", "Map", "a map"), "sprite.png", TILE, SIDE, groups, points)
    stage = StageReport(
        "cluster", "Cluster", "Built", "first", "f" * 64, "c" * 64, 1.0, {}, {}, Page("", map=drawn), folder
    )
    report = Report("run", datetime(2025, 1, 1, tzinfo=UTC), {}, {}, Funnel(0), (stage,))
    write_report(report, folder / "report")
    return (folder / "report" / "cluster-map.html").as_uri()


@dataclass
class Reader:
    """An open map, and what went wrong on it."""

    page: Any
    box: dict[str, float]
    wrong: list[str] = field(default_factory=list)

    def place(self, index: int) -> tuple[float, float]:
        """Where a logo lies in the window while all is shown."""
        x, y = (index % SIDE) / (SIDE - 1), (index // SIDE) / (SIDE - 1)
        return (
            self.box["x"] + MARGIN + x * (self.box["width"] - 2 * MARGIN),
            self.box["y"] + MARGIN + y * (self.box["height"] - 2 * MARGIN),
        )

    @property
    def told(self) -> list[str] | None:
        """Name and group on the card, or None where there is no card."""
        tip = self.page.locator(".map-tip")
        return [tip.locator("b").text_content(), tip.locator("span span").text_content()] if tip.is_visible() else None

    @property
    def zoom(self) -> float:
        self.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return float(self.page.locator(CANVAS).get_attribute("data-zoom"))

    def pixel(self, x: float, y: float) -> tuple[int, ...]:
        shot = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        scale = shot.width / self.page.viewport_size["width"]
        found = shot.getpixel((round(x * scale), round(y * scale)))
        return tuple(int(c) for c in found)  # type: ignore[union-attr]


@pytest.fixture
def open_map(browser: Any, page_url: str) -> Iterator[Callable[..., Reader]]:
    contexts, readers = [], []

    def open_it(**options: Any) -> Reader:
        contexts.append(browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options}))
        page = contexts[-1].new_page()
        reader = Reader(page, {})
        readers.append(reader)
        page.on("pageerror", lambda error: reader.wrong.append(f"error {error}"))
        page.on("console", lambda message: reader.wrong.append(message.text))
        page.on("dialog", lambda dialog: (reader.wrong.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda r: reader.wrong.append(r.url) if not r.url.startswith(("file:", "data:")) else None)
        page.goto(page_url)
        if options.get("java_script_enabled", True):
            page.locator(f"{CANVAS}[data-ready]").wait_for()
            page.locator(".map-plane").scroll_into_view_if_needed()
            page.evaluate("window.scrollTo(0, document.querySelector('.map-plane').offsetTop - 80)")
            reader.box = page.locator(CANVAS).bounding_box()
        return reader

    yield open_it
    for context in contexts:
        context.close()
    assert [reader.wrong for reader in readers] == [[]] * len(readers)


def test_pointing_at_a_logo_tells_its_name_and_cluster_as_plain_text(open_map: Callable[..., Reader]) -> None:
    reader = open_map()
    for index in (0, 7, 12, 18):
        reader.page.mouse.move(*reader.place(index))
        assert reader.told == [HOSTILE if index == 0 else f"logo {index}", f"Cluster {index // SIDE}"]
        card = reader.page.locator(".map-tip canvas").bounding_box()
        shown = reader.pixel(card["x"] + card["width"] / 2, card["y"] + card["height"] / 2)
        assert np.abs(np.subtract(shown, colour_of(index))).max() <= 3
    assert reader.page.locator("img[src=x]").count() == 0
    reader.page.mouse.move(reader.place(12)[0] + 100, reader.place(12)[1] + 70)  # between the logos
    assert reader.told is None


def test_each_logo_is_drawn_at_its_place_from_its_tile(open_map: Callable[..., Reader]) -> None:
    reader = open_map()
    for index in (1, 5, 8, 16):
        x, y = reader.place(index)
        assert np.abs(np.subtract(reader.pixel(x + 20, y - 20), colour_of(index))).max() <= 3, index


def test_the_wheel_zooms_about_the_pointer_and_back_out(open_map: Callable[..., Reader]) -> None:
    reader = open_map()
    reader.page.mouse.move(*reader.place(8))
    for _ in range(4):
        reader.page.mouse.wheel(0, -200)
    assert reader.zoom == pytest.approx(np.exp(1.6), rel=0.02)
    reader.page.mouse.move(reader.place(8)[0] + 5, reader.place(8)[1])
    assert reader.told == ["logo 8", "Cluster 1"], "what was under the pointer stays there"
    reader.page.mouse.move(*reader.place(13))
    assert reader.told != ["logo 13", "Cluster 2"], "the others have moved away"
    for _ in range(4):
        reader.page.mouse.wheel(0, 200)
    assert reader.zoom == pytest.approx(1, abs=0.01)
    reader.page.mouse.move(*reader.place(13))
    assert reader.told == ["logo 13", "Cluster 2"]


def test_where_all_is_shown_the_wheel_scrolls_the_page(open_map: Callable[..., Reader]) -> None:
    reader = open_map(viewport={"width": 1280, "height": 500})
    before = reader.page.evaluate("window.scrollY")
    reader.page.mouse.move(*reader.place(7))
    reader.page.mouse.wheel(0, 120)
    for _ in range(50):
        if reader.page.evaluate("window.scrollY") > before:
            break
        reader.page.wait_for_timeout(100)
    assert reader.page.evaluate("window.scrollY") > before
    assert reader.zoom == 1


def test_dragging_moves_the_map_with_the_pointer(open_map: Callable[..., Reader]) -> None:
    reader = open_map()
    x, y = reader.place(12)
    reader.page.mouse.move(x, y)
    for _ in range(3):
        reader.page.mouse.wheel(0, -200)
    assert reader.zoom > 2
    reader.page.mouse.down()
    reader.page.mouse.move(x + 90, y - 60, steps=4)
    reader.page.mouse.up()
    reader.page.mouse.move(x + 91, y - 60)
    assert reader.told == ["logo 12", "Cluster 2"]


def test_the_keyboard_reaches_every_logo_and_says_which(open_map: Callable[..., Reader]) -> None:
    reader = open_map()
    said = reader.page.locator("#map-said")
    reader.page.locator(CANVAS).focus()
    reader.page.keyboard.press("ArrowRight")
    assert said.text_content() == "logo 12, Cluster 2", "it begins in the middle"
    for key, expected in (("ArrowRight", 13), ("ArrowUp", 8), ("ArrowLeft", 7), ("ArrowDown", 12)):
        reader.page.keyboard.press(key)
        assert reader.told == [f"logo {expected}", f"Cluster {expected // SIDE}"]
    reader.page.keyboard.press("+")
    assert reader.zoom == pytest.approx(1.5)
    for _ in range(5):  # beyond what is in view
        reader.page.keyboard.press("ArrowRight")
    assert reader.told == ["logo 14", "Cluster 2"]
    reader.page.keyboard.press("0")
    assert reader.zoom == 1
    reader.page.keyboard.press("Escape")
    assert reader.told is None
    reader.page.keyboard.press("Tab")
    assert reader.page.evaluate("document.activeElement.getAttribute('aria-label')") == "Zoom in"
    reader.page.keyboard.press("Enter")
    assert reader.zoom > 1.5


def test_a_group_alone_is_shown_until_its_button_is_pressed_again(open_map: Callable[..., Reader]) -> None:
    reader = open_map()
    button = reader.page.get_by_role("button", name="Cluster 3")
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    reader.page.mouse.move(*reader.place(7))
    assert reader.told is None
    reader.page.mouse.move(*reader.place(17))
    assert reader.told == ["logo 17", "Cluster 3"]
    button.click()
    reader.page.mouse.move(*reader.place(7))
    assert reader.told == ["logo 7", "Cluster 1"]


def test_on_a_phone_it_fits_fingers_pinch_and_a_tap_tells(open_map: Callable[..., Reader]) -> None:
    reader = open_map(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    assert reader.page.evaluate("document.documentElement.scrollWidth") == 390
    reader.page.touchscreen.tap(*reader.place(7))
    assert reader.told == ["logo 7", "Cluster 1"]
    box = reader.page.locator(".map-tip").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390

    x, y = reader.place(12)
    devtools = reader.page.context.new_cdp_session(reader.page)

    def touch(kind: str, *apart: float) -> None:
        points = [{"x": x + sign * a, "y": y, "id": n} for a in apart for n, sign in enumerate((-1, 1))]
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", 30)
    for apart in (40, 50, 60, 75, 90):
        touch("touchMove", apart)
    touch("touchEnd")
    assert reader.zoom == pytest.approx(3, rel=0.35)


def test_without_scripts_there_is_the_picture(open_map: Callable[..., Reader]) -> None:
    page = open_map(java_script_enabled=False).page
    assert page.locator(".map-still img").is_visible()
    assert page.locator("noscript").count() == 1
    assert not page.locator(CANVAS).is_visible()


def test_the_plane_is_dark_for_those_who_read_in_the_dark(open_map: Callable[..., Reader]) -> None:
    corners = {}
    for scheme in ("light", "dark"):
        reader = open_map(color_scheme=scheme)
        corners[scheme] = sum(reader.pixel(reader.box["x"] + 130, reader.box["y"] + 100))
    assert corners["light"] > 700
    assert corners["dark"] < 120
