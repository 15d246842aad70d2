"""`logoflow dedup` on images: copies that were made, however many, with and without enough images to calibrate."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from command_line import logoflow
from labelled_logos import LABELLED, drawn
from PIL import Image, ImageOps

LOGOS = LABELLED[::64]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "logos"
    path.mkdir()
    return path


def test_copies_are_found_and_the_best_stays(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, row in enumerate(LOGOS):
        image = drawn(row)
        image.save(folder / f"{number:02}.png")
        if number < 4:
            image.resize((70, 70), Image.Resampling.BICUBIC).save(folder / f"{number:02}-small.png")
            image.save(folder / f"{number:02}-damaged.jpg", quality=60)
    (folder / "broken.png").write_bytes(b"nothing")
    assert logoflow(monkeypatch, "dedup", folder, "--json") == 0
    printed = capsys.readouterr()
    rows: dict[str, Any] = {row["name"]: row for row in json.loads(printed.out)}
    assert "broken.png: unreadable" in printed.err
    assert len(rows) == len(LOGOS) + 8
    copies = {name: row["copy_of"] for name, row in rows.items() if not row["keep"]}
    assert copies == {f"{n:02}-{kind}": f"{n:02}.png" for n in range(4) for kind in ("small.png", "damaged.jpg")}
    assert rows["00-small.png"]["reason"].startswith("It shows the most detail")

    out = tmp_path / "copies.parquet"
    assert logoflow(monkeypatch, "dedup", folder, "--out", out) == 0
    assert {row["name"]: row["copy_of"] for row in pq.read_table(out).to_pylist() if not row["keep"]} == copies
    printed = capsys.readouterr()
    assert f"8 of {len(rows)} images are copies of others, in 4 groups" in printed.out
    assert "With fewer than 50 images the usual thresholds were taken" in printed.out
    out.unlink()
    assert logoflow(monkeypatch, "dedup", folder, "--out", out, "--json") == 0
    assert json.loads(capsys.readouterr().out) == list(rows.values()) == pq.read_table(out).to_pylist()
    assert logoflow(monkeypatch, "dedup", folder, "--similarity", "1") == 0
    assert f"0 of {len(rows)} images are copies" in capsys.readouterr().out


@pytest.mark.parametrize("equal", [True, False])
def test_sixty_copies_of_one_logo_leave_one(
    equal: bool, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    image = drawn(LOGOS[0])
    image.save(folder / "original.png")
    for n in range(60):
        if equal:
            image.save(folder / f"{n:02}.png")
        else:
            image.resize((60 + 2 * n, 60 + 2 * n), Image.Resampling.BICUBIC).save(folder / f"{n:02}.jpg", quality=70)
    drawn(LOGOS[1]).save(folder / "other.png")
    assert logoflow(monkeypatch, "dedup", folder, "--json") == 0
    stay = {row["name"] for row in json.loads(capsys.readouterr().out) if row["keep"]}
    assert stay == {"00.png" if equal else "original.png", "other.png"}


def test_thresholds_are_chosen_by_the_images_where_there_are_enough(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same as the stage: mirror images as a policy, and the options that it has as keys."""
    for number, row in enumerate(LABELLED[::12]):
        drawn(row).save(folder / f"{number:02}.png")
    turned = ImageOps.mirror(drawn(LABELLED[12]))
    turned.resize((90, 90), Image.Resampling.BICUBIC).save(folder / "turned.png")

    assert logoflow(monkeypatch, "dedup", folder) == 0
    printed = capsys.readouterr().out
    assert "0 of 66 images are copies" in printed
    assert "Of copies made of 33 of the images, " in printed
    assert logoflow(monkeypatch, "dedup", folder, "--json", "--mirrored", "copy", "--neighbours", "8") == 0
    gone = {row["name"]: row["copy_of"] for row in json.loads(capsys.readouterr().out) if not row["keep"]}
    assert gone == {"turned.png": "01.png"}
