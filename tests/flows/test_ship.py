"""The networks that ship are those of a run at half precision, with what was measured of them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from small_pipeline import Pipeline

import tasks.ship_generator
from logoflow.errors import UserError
from logoflow.generators import choose_generator
from logoflow.store.store import Store
from stylegan2.shipped import CARD, GENERATOR
from tasks.ship_generator import facts_of, ship, trainings_of


def test_a_run_ships_with_its_card_or_not_at_all(
    finished: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = choose_generator(None, finished.store)
    ship(chosen, None, tmp_path)
    store = Store(finished.store)
    (trained,), (curated,), (evaluated,) = (list(store.artifacts(n)) for n in ("train_gan", "curate", "evaluate"))
    for mine, theirs in (("shipped", "generator"), ("shipped-discriminator", "discriminator")):
        halves, whole = load_file(tmp_path / f"{mine}.safetensors"), load_file(trained.file(f"{theirs}.safetensors"))
        assert halves.keys() == whole.keys()
        for name, tensor in halves.items():
            assert tensor.dtype == torch.float16
            assert torch.equal(tensor, whole[name].half())
    card = json.loads((tmp_path / "shipped.json").read_text())
    scores = json.loads(evaluated.file("metrics.json").read_text())
    for name in ("frechet", "frechet_floor", "recall", "closer", "path_length", "in_asked_cluster_real"):
        assert card["metrics"][f"{name}_efficientnet-lite0"] == scores[f"{name}_efficientnet-lite0"]
    labels = np.load(curated.file("labels.npy"))
    assert card["logos_of_each_cluster"] == [int((labels == cluster).sum()) for cluster in range(3)]
    assert sum(card["licences"].values()) == len(labels)
    assert card["kimg"] == trained.manifest.metrics["kept_kimg"]
    assert [one["device"][:7] for one in card["trainings"]] == ["CPU of "]
    assert "16 x 16 px, conditioned on 3 clusters" in card["what"]
    with Image.open(tmp_path / "shipped.webp") as sheet:
        assert sheet.width > 16 * 64
        assert 3 * 64 < sheet.height < 4 * 64
        assert np.asarray(sheet).std() > 5
    assert len(list(tmp_path.iterdir())) == 4

    monkeypatch.setattr(tasks.ship_generator, "MOST_MB", 0.001)
    (tmp_path / "other").mkdir()
    with pytest.raises(UserError, match=r"is larger than the 0.001 MB that may ship: train a smaller one"):
        ship(chosen, None, tmp_path / "other")
    assert not list((tmp_path / "other").iterdir())
    with pytest.raises(UserError, match=r"no finished run of configs/kit\.yaml"):
        ship(choose_generator("shipped", None), None, tmp_path / "other")


def test_hours_add_up_over_interruptions_to_the_networks_that_were_kept(tmp_path: Path) -> None:
    lines = [
        {"kimg": 0, "images_per_s": 0, "wall_s": 9, "device": "GPU"},
        {"kimg": 36, "images_per_s": 10, "wall_s": 3609, "device": "GPU", "score": 3},
        {"kimg": 54, "images_per_s": 10, "wall_s": 1805, "device": "GPU", "score": 2},  # another process
        {"kimg": 90, "images_per_s": 20, "wall_s": 3605, "device": "GPU", "score": 4},
    ]
    (tmp_path / "curve.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "run.json").write_text(json.dumps({"settings": {"batch": 8}, "seed": 3}))
    assert facts_of(tmp_path) == {"settings": {"batch": 8}, "seed": 3, "kimg": 54, "hours": 1.5, "device": "GPU"}


def test_the_card_tells_of_every_training_that_went_before(tmp_path: Path) -> None:
    def trained(name: str, start: Path | None, kimg: int) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        lines = [{"kimg": at, "images_per_s": 10, "device": "GPU"} for at in (0, kimg)]
        (folder / "curve.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        settings = {"batch": 8, "start_generator": None if start is None else str(start), "start_discriminator": None}
        (folder / "run.json").write_text(json.dumps({"settings": settings, "seed": 3}))
        return folder / "generator.safetensors"

    last = trained("third", trained("second", trained("first", None, 36), 72), 9)
    told = trainings_of(last.parent)
    assert [one["kimg"] for one in told] == [36, 72, 9]
    assert [one["hours"] for one in told] == [1.0, 2.0, 0.25]
    assert all(one["settings"] == {"batch": 8} for one in told)
    on_what_ships = trained("fourth", GENERATOR, 36)
    assert trainings_of(on_what_ships.parent)[:-1] == json.loads(CARD.read_text())["trainings"]
    with pytest.raises(UserError, match=r"nothing tells how .*strange\.safetensors was trained: keep"):
        trainings_of(trained("fifth", tmp_path / "strange.safetensors", 36).parent)
