"""Sorting and the originality check as parts of a stage: what they find on real logos, and the pages they leave."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from labelled_logos import LABELLED
from numpy.typing import NDArray
from PIL import Image

from benchmarks.artifacts import commit
from data.pixels import fit_squares
from logoflow.config.pipeline import PipelineConfig
from logoflow.run import Run
from logoflow.stages import STAGES
from logoflow.store.store import Artifact
from moco.shipped import ENCODER
from neighbours.copies import recolour
from stylegan2.checkpoints import save_network
from stylegan2.discriminator import Discriminator
from stylegan2.settings import NetworkSettings
from tasks.originality import check_originality
from tasks.sorting import sort_logos
from tasks.stage import Build

SIDE = 64
KNOWN, OTHERS = LABELLED[::8], [LABELLED[row] for row in (4, 164, 484, 644)]


def squares(rows: list[dict[str, bytes]]) -> NDArray[np.uint8]:
    return fit_squares([np.asarray(Image.open(io.BytesIO(row["png"])).convert("RGB")) for row in rows], SIDE)


@pytest.fixture
def build(tmp_path: Path, units_here: None, make_config: Callable[..., PipelineConfig]) -> Build:
    run = Run(make_config({"logos": tmp_path}), tmp_path / "store")
    folder = tmp_path / "folder"
    folder.mkdir()
    return Build(run, STAGES["generate"], run.config.generate, folder, tmp_path, run.workspace(), "")


@pytest.fixture
def training_set(build: Build) -> Artifact:
    def write(path: Path) -> None:
        np.save(path, squares(KNOWN))
        np.save(path.with_name("labels.npy"), np.arange(len(KNOWN)) % 2)

    return commit(build.space, "curate", {}, "pixels.npy", write)


@pytest.fixture
def trained(build: Build) -> Artifact:
    torch.manual_seed(0)
    settings = NetworkSettings(width=SIDE, height=SIDE, classes=2, channel_base=128, channel_max=8, label_depth=1)
    file = "discriminator.safetensors"
    return commit(build.space, "train_gan", {}, file, lambda path: save_network(path, Discriminator(settings)))


def test_planted_copies_are_suspected_and_shown_first(build: Build, training_set: Artifact) -> None:
    known = squares(KNOWN)
    changed = recolour(known[7].transpose(1, 2, 0), np.random.default_rng(0))
    assert changed is not None
    drawn = np.concatenate([squares(OTHERS), known[3:4], changed.transpose(2, 0, 1)[None]])
    page = check_originality(build, training_set, ENCODER, drawn)

    found = json.loads((build.folder / "originality.json").read_text())
    assert [row["likeness"] for row in found] == ["no copy"] * len(OTHERS) + ["copy", "recoloured copy"]
    assert [row["nearest"][0]["row"] for row in found[-2:]] == [3, 7]
    assert found[-2]["nearest"][0]["distance"] < 0.01
    assert found[-2]["nearer_than"] > max(row["nearer_than"] for row in found[: len(OTHERS)])
    assert build.metrics["suspected_copies"] == 2
    assert page.summary.startswith(f"2 of {len(drawn)} generated logos repeat a training logo: 1 copy, 1 recoloured")
    assert (build.folder / page.pictures[0].file).exists()


def test_the_training_set_is_described_once(build: Build, training_set: Artifact) -> None:
    check_originality(build, training_set, ENCODER, squares(OTHERS))
    assert build.metrics["units_run"] == 1
    check_originality(build, training_set, ENCODER, squares(OTHERS)[:2])
    assert build.metrics["units_run"] == 1


def test_noise_is_poor_and_logos_are_better(build: Build, training_set: Artifact, trained: Artifact) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (6, 3, SIDE, SIDE), dtype=np.uint8)
    drawn = np.concatenate([squares(OTHERS), noise])
    asked = np.arange(len(drawn)) % 2
    page = sort_logos(build, training_set, trained, drawn, asked)

    found = json.loads((build.folder / "sorted.json").read_text())
    assert all(row["grade"] == "poor" for row in found[-6:])
    assert [row["cluster"] for row in found] == asked.tolist()
    assert np.mean([row["realism"] for row in found[:-6]]) > max(row["realism"] for row in found[-6:])
    assert sum(build.metrics[grade] for grade in ("good", "medium", "poor")) == pytest.approx(1)
    (table,) = page.tables
    assert [row[0] for row in table.rows] == [0, 1]
    assert all((build.folder / picture.file).exists() for picture in page.pictures)
