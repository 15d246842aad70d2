"""`logoflow images` on a store that ingest filled, opened by Hugging Face datasets itself."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.ingest import Here
from logoflow.cli.main import main
from logoflow.config.load import check_config
from logoflow.run import Run
from tasks import units
from tasks.ingest import ingest

LOAD = """
import json, sys, datasets
files = sys.argv[1] + "/data/*.parquet"
rows = datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=sys.argv[2])
assert isinstance(rows.features["image"], datasets.Image), rows.features
for row in rows:
    image = row["image"]
    print(json.dumps({**row, "image": [image.mode, image.width, image.height, image.tobytes().hex()]}))
"""


def logo(seed: int) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), np.uint8)
    return Image.fromarray(coarse.repeat(4, axis=0).repeat(4, axis=1))


def encoded(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store that ingested a folder of five logos and a zip of four, of which two are among the five."""
    monkeypatch.setattr(units, "run_unit", Here(units.run_unit.fn))
    monkeypatch.setattr(units, "as_completed", list)
    (tmp_path / "logos").mkdir()
    for seed in range(5):
        (tmp_path / "logos" / f"{seed}.png").write_bytes(encoded(logo(seed), "PNG"))
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        archive.writestr("x/3.png", encoded(logo(3), "PNG"))
        for seed in (4, 5, 6):
            archive.writestr(f"x/{seed}.bmp", encoded(logo(seed), "BMP"))
        archive.writestr("x/4.cls", b"9")
    sources = [
        {"name": "folder", "path": str(tmp_path / "logos"), "licence": "MIT"},
        {"name": "zip", "path": str(tmp_path / "more.zip"), "licence": "CC0-1.0"},
    ]
    ingest.fn(
        Run(check_config({"name": "both", "ingest": {"sources": sources, "shard_images": 3}}), tmp_path / "store")
    )
    return tmp_path / "store"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["logoflow", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code or 0  # type: ignore[return-value]


def load(folder: Path, cache: Path) -> list[dict[str, Any]]:
    """The rows as Hugging Face datasets gives them, images decoded by it."""
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(folder), str(cache)],
        env={"HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "1", "HF_HOME": str(cache), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_two_sources_that_overlap_are_one_table_with_all_origins(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "images", tmp_path / "table", "--store", store) == 0
    assert "7 distinct pictures: " in capsys.readouterr().out
    rows = load(tmp_path / "table", tmp_path / "cache")
    seeds = [int(Path(row["origins"][0]["name"]).stem) for row in rows]
    assert sorted(seeds) == list(range(7))
    for seed, row in zip(seeds, rows, strict=True):
        assert row["image"] == ["RGB", 24, 20, logo(seed).tobytes().hex()]
        assert row["licence"] == ("MIT" if seed < 5 else "CC0-1.0")
    places = {seed: [(o["source"], o["name"]) for o in row["origins"]] for seed, row in zip(seeds, rows, strict=True)}
    assert places[0] == [("folder", "0.png")]
    assert places[3] == [("folder", "3.png"), ("zip", "x/3.png")]  # equal bytes
    assert places[4] == [("folder", "4.png"), ("zip", "x/4.bmp")]  # equal pixels
    assert rows[seeds.index(4)]["labels"] == [{"name": "cls", "value": 9}]


def test_what_cannot_be_written_is_one_sentence(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "images", tmp_path / "logos", "--store", store) == 2
    assert "logos is there already: name a new or an empty folder." in capsys.readouterr().err
    assert run(monkeypatch, "images", tmp_path / "table", "--store", tmp_path / "none") == 2
    assert "none is no store: run the pipeline first" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
