"""`logoflow check` on images: copies of known logos are told, whatever their colours; others are not."""

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import logoflow
from labelled_logos import LABELLED, drawn
from PIL import Image, ImageOps

from neighbours.copies import recolour

LOGOS = LABELLED[::48]


@pytest.fixture
def known(tmp_path: Path) -> Path:
    path = tmp_path / "known"
    path.mkdir()
    for number, row in enumerate(LOGOS):
        drawn(row).save(path / f"{number:02}.png")
    return path


def recoloured() -> tuple[int, Image.Image]:
    """The first logo that has colours, with others."""
    for number, row in enumerate(LOGOS):
        changed = recolour(np.asarray(drawn(row)), np.random.default_rng(1))
        if changed is not None:
            return number, Image.fromarray(changed)
    raise AssertionError("no logo has colours")


def test_copies_are_told_whatever_their_size_format_and_colours(
    known: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    which, changed = recoloured()
    drawn(LOGOS[4]).resize((70, 70)).save(tmp_path / "small.jpg", quality=70)
    changed.save(tmp_path / "changed.png")
    drawn(LABELLED[30]).save(tmp_path / "other.png")
    images = [tmp_path / name for name in ("small.jpg", "changed.png", "other.png")]
    sheet = tmp_path / "sheet.png"

    assert logoflow(monkeypatch, "check", *images, "--against", known, "--json", "--sheet", sheet) == 0
    small, recolour_, other = json.loads(capsys.readouterr().out)
    assert (small["copy"], small["verdict"], small["nearest"][0]["name"]) == (True, "copy", "04.png")
    assert (recolour_["copy"], recolour_["nearest"][0]["name"]) == (True, f"{which:02}.png")
    assert recolour_["verdict"] == "recoloured copy"
    assert "other colours" in recolour_["reason"]
    assert (other["copy"], other["verdict"]) == (False, "no copy")
    assert small["nearer_than"] > other["nearer_than"]
    assert len(small["nearest"]) == 3
    assert Image.open(sheet).width > 4 * 128

    assert logoflow(monkeypatch, "check", *images, "--against", known) == 0
    assert f"2 of 3 images repeat one of {len(LOGOS)} logos" in " ".join(capsys.readouterr().out.split())


def test_a_mirrored_logo_is_told(
    known: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kinds = []
    for number, row in enumerate(LOGOS[:4]):
        ImageOps.mirror(drawn(row)).save(tmp_path / f"{number}.png")
        assert logoflow(monkeypatch, "check", tmp_path / f"{number}.png", "--against", known, "--json") == 0
        (found,) = json.loads(capsys.readouterr().out)
        assert found["nearest"][0]["name"] == f"{number:02}.png"
        kinds.append(found["verdict"])
    assert "mirrored copy" in kinds  # some logos are their own mirror images


def test_nothing_to_compare_with_is_said_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn(LOGOS[0]).save(tmp_path / "logo.png")
    assert logoflow(monkeypatch, "check", tmp_path / "logo.png") == 2
    assert "--against" in capsys.readouterr().err
    assert logoflow(monkeypatch, "check", tmp_path / "logo.png", "--against", "nothing") == 2
    assert "nothing is neither there nor a run" in " ".join(capsys.readouterr().err.split())
    assert logoflow(monkeypatch, "check", tmp_path / "logo.png", "--sheet", "sheet.txt") == 2
