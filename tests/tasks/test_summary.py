"""The summary that Prefect shows of a stage: read back by a markdown parser that is not ours."""

import base64
import io
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from markdown_it import MarkdownIt
from PIL import Image

from logoflow.report.page import Page, Picture, write_page
from logoflow.store.manifest import Manifest, Parts
from logoflow.store.store import Artifact
from logoflow.up.place import Home, write_note
from tasks.summary import LARGEST, key_of, markdown_of, report_link

HOSTILE = "<img src=x onerror=alert(1)> **bold** [a](javascript:1) | ![b](c) `code` # ~~x~~\n\n# head"


def made(folder: Path, summary: str, metrics: dict[str, Any], pictures: tuple[Picture, ...] = ()) -> Artifact:
    """An artifact of train_gan with a page."""
    write_page(Page(summary, pictures), folder)
    parts = Parts(stage="train_gan", code="", config={}, libraries={}, inputs={})
    manifest = Manifest(
        stage="train_gan", fingerprint="f" * 64, content="c" * 64, recipe="", parts=parts, inputs={}, units=(),
        files={}, metrics=metrics, versions={}, host={}, started=datetime(2025, 1, 1, tzinfo=UTC), duration_s=432.0,
    )  # fmt: skip
    return Artifact(folder, manifest)


def rendered(markdown: str) -> str:
    """HTML as a renderer that lets HTML through makes of it, which is the worst case."""
    return MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough").render(markdown)


def test_the_sentence_the_numbers_and_the_place_are_told(tmp_path: Path) -> None:
    artifact = made(tmp_path, "Trained for 10 kimg.", {"total_kimg": 10.0, "p": 0.123456, "images": 48652})
    html = rendered(markdown_of(artifact, "Built", "train_gan@ffffffff: config total_kimg: 5 -> 10"))
    assert "Trained for 10 kimg." in html
    assert "<strong>Built</strong>, train_gan@ffffffff: config total_kimg: 5 -&gt; 10. The build" in html
    assert "took 7\xa0min 12\xa0s." in html
    cells = re.findall(r"<td>(.*?)</td>", html)
    assert cells == ["total", "10\xa0kimg", "p", "0.1235", "images", "48,652"]
    assert f"<code>{tmp_path}" in html


def test_the_report_is_a_link_while_up_shows_it(tmp_path: Path) -> None:
    assert report_link(tmp_path, "train_gan") == ""
    write_note(Home(tmp_path), "http://127.0.0.1:4200", "http://127.0.0.1:4280", password=False, ready=True)
    artifact = made(tmp_path, "Trained.", {})
    html = rendered(markdown_of(artifact, "Built", "never ran", report_link(tmp_path, "train_gan")))
    assert '<a href="http://127.0.0.1:4280/report/train_gan.html">In the newest report</a>' in html
    assert report_link(tmp_path, "report").endswith("(http://127.0.0.1:4280/report/)")


def test_text_from_data_is_shown_as_it_is(tmp_path: Path) -> None:
    html = rendered(markdown_of(made(tmp_path, HOSTILE, {HOSTILE: HOSTILE}), "Built", HOSTILE))
    assert not re.search(r"<(img|a|del|h1|em)\b", html)
    assert html.count("<strong>") == 1
    assert html.count("<code>") == 1
    assert html.count("<td>") == 2
    assert html.count("&lt;img src=x onerror=alert(1)&gt; **bold** [a](javascript:1) | ![b](c) `code`") == 4


@pytest.mark.parametrize("size", [(1200, 3000), (40, 30), (3000, 200)])
def test_the_picture_is_small_and_the_upper_part_of_the_first(tmp_path: Path, size: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), np.uint8)
    noise[: size[1] // 4] = (200, 30, 30)
    Image.fromarray(noise).save(tmp_path / "first.png")
    markdown = markdown_of(made(tmp_path, "", {}, (Picture("first.png", "title", "what is seen"),)), "Built", "")
    (alt, encoded) = re.findall(r'<img src="data:image/webp;base64,([^"]*)" alt="(.*?)"', rendered(markdown))[0][::-1]
    assert alt == "what is seen"
    assert len(encoded) <= 40_000
    data = base64.b64decode(encoded)
    assert len(data) <= LARGEST
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    shown = min(size[1], round(size[0] * 0.6)) / size[0]
    assert picture.height == pytest.approx(picture.width * shown, abs=1)
    assert np.abs(np.subtract(picture.getpixel((picture.width // 2, 1)), (200, 30, 30))).max() < 40  # type: ignore[arg-type]


def test_keys_are_as_prefect_wants_them() -> None:
    assert key_of("Study (2): Übung", "train_gan") == "study-2-bung-train-gan"
