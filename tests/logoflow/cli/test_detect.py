"""`logoflow detect-text` on images, folders and tables, against the detector itself."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from labelled_logos import LABELLED
from PIL import Image, ImageDraw

from craft.cascade import Cascade
from craft.decision import load_bounds, load_calibration
from craft.detection import Detector
from logoflow.cli.main import main
from logoflow.machine import has_bfloat16

LOGOS = LABELLED[::110]


@pytest.fixture(scope="module")
def expected() -> dict[str, float]:
    """Probability by name."""
    images = [np.asarray(Image.open(io.BytesIO(row["png"])).convert("RGB")) for row in LOGOS]
    found = Cascade(Detector(dtype="bfloat16" if has_bfloat16() else "float32")).detect(images)
    curve, bounds = load_calibration().probability, load_bounds()
    return {row["name"]: bounds.tempered(curve(d.score), d.by) for row, d in zip(LOGOS, found, strict=True)}


def detect_text(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["logoflow", "detect-text", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code or 0  # type: ignore[return-value]


def test_a_table_comes_out_with_its_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected: dict[str, float]
) -> None:
    table, out = tmp_path / "logos.parquet", tmp_path / "text.parquet"
    pq.write_table(pa.table({"name": [row["name"] for row in LOGOS], "png": [row["png"] for row in LOGOS]}), table)
    assert detect_text(monkeypatch, table, "--out", out) == 0
    found = pq.read_table(out)
    assert found.schema.names == ["name", "score", "probability", "has_text", "characters"]
    rows = {row["name"]: row for row in found.to_pylist()}
    assert {name: row["probability"] for name, row in rows.items()} == pytest.approx(expected, abs=0.01)
    assert [row["has_text"] for row in rows.values()] == [row["probability"] >= 0.5 for row in rows.values()]
    right = [rows[row["name"]]["has_text"] == row["has_text"] for row in LOGOS]
    assert sum(right) >= len(LOGOS) - 1


def test_a_threshold_that_the_cascade_is_not_proven_for_is_decided_by_craft_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [np.asarray(Image.open(io.BytesIO(row["png"])).convert("RGB")) for row in LOGOS]
    craft = Detector(dtype="bfloat16" if has_bfloat16() else "float32").detect(images)
    table, out = tmp_path / "logos.parquet", tmp_path / "text.parquet"
    pq.write_table(pa.table({"name": [row["name"] for row in LOGOS], "png": [row["png"] for row in LOGOS]}), table)
    assert detect_text(monkeypatch, table, "--out", out, "--threshold", 0.05) == 0
    rows = pq.read_table(out).to_pylist()
    assert [row["score"] for row in rows] == pytest.approx([seen.score for seen in craft], abs=0.01)
    assert [row["has_text"] for row in rows] == [row["probability"] >= 0.05 for row in rows]


def test_images_and_folders_are_taken_together_and_what_is_broken_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], expected: dict[str, float]
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for number, row in enumerate(LOGOS[1:3]):
        (folder / f"{number}.png").write_bytes(row["png"])
    (folder / "broken.png").write_bytes(b"nothing")
    single = tmp_path / "single.png"
    single.write_bytes(LOGOS[0]["png"])
    assert detect_text(monkeypatch, single, folder, "--json") == 0
    printed = capsys.readouterr()
    rows: dict[str, Any] = {row["name"]: row for row in json.loads(printed.out)}
    names = {str(single): 0, f"{folder}/0.png": 1, f"{folder}/1.png": 2}
    for name, number in names.items():
        assert rows[name]["probability"] == pytest.approx(expected[LOGOS[number]["name"]], abs=0.01)
    assert rows[f"{folder}/broken.png"] == {
        "name": f"{folder}/broken.png", "score": None, "probability": None, "has_text": None, "characters": None
    }  # fmt: skip
    assert "broken.png: unreadable" in printed.err


@pytest.mark.parametrize(
    ("out", "complaint"), [("no/where.parquet", "no such folder"), ("table.csv", "ends in .parquet"), (".", "Parquet")]
)
def test_a_table_that_cannot_be_written_is_refused_before_anything_is_done(
    out: str, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert detect_text(monkeypatch, tmp_path, "--out", tmp_path / out) == 2
    assert complaint in capsys.readouterr().err


def test_equal_names_in_several_folders_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.png").write_bytes(LOGOS[0]["png"])
    assert detect_text(monkeypatch, tmp_path / "a", tmp_path / "b", "--json") == 0
    names = [row["name"] for row in json.loads(capsys.readouterr().out)]
    assert names == [f"{tmp_path}/a/x.png", f"{tmp_path}/b/x.png"]


def test_white_text_on_nothing_is_found_beside_something_coloured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    image = Image.new("RGBA", (256, 160), (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    pen.ellipse((100, 5, 156, 61), fill="red")
    pen.text((30, 75), "NORTHWIND", fill="white", font_size=36)
    image.save(tmp_path / "light.png")
    assert detect_text(monkeypatch, tmp_path / "light.png", "--json") == 0
    assert json.loads(capsys.readouterr().out)[0]["has_text"]


def test_a_path_that_is_not_there_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert detect_text(monkeypatch, tmp_path / "nowhere") == 2
    assert "does not exist: check the path" in capsys.readouterr().err


def test_nothing_but_broken_images_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.png").write_bytes(b"nothing")
    assert detect_text(monkeypatch, tmp_path) == 2
    assert "no image that can be read" in capsys.readouterr().err
