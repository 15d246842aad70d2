"""train_gan: StyleGAN2-ADA on the training set, conditioned on the cluster."""

import json
import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data.images import flatten
from logoflow.config.sections import TrainGanConfig
from logoflow.report.page import Curve, Page, Picture, Series
from logoflow.stages import MEMBERS
from logoflow.store.store import Artifact
from stylegan2.settings import TrainingSettings
from stylegan2.training import Tick, train
from tasks.device import device_named
from tasks.scoring import kernel_score
from tasks.settings import settings_of
from tasks.sheets import save_picture
from tasks.stage import Build, stage

CURVE = "curve.jsonl"
SHOWN_WIDTH = 800


@stage("train_gan")
def train_gan(build: Build, training_set: Artifact) -> None:
    """Train a cluster-conditional StyleGAN2-ADA; killed, it goes on from its last snapshot."""
    config: TrainGanConfig = build.config
    assert config.seed is not None
    images = np.load(training_set.file("pixels.npy"), mmap_mode="r")
    labels = np.load(training_set.file("labels.npy"))

    def tell(tick: Tick) -> None:
        build.progress(tick.kimg, tick.total_kimg, "kimg")

    device = device_named(build.run.config.device)
    settings, part = settings_of(TrainingSettings, config), some_of(len(labels), config)
    if settings.classes is None:  # a part of the images may lack a class that the others have
        settings = settings.model_copy(update={"classes": int(labels.max()) + 1})
    score = kernel_score(build, training_set, config.score_images, config.seed, device) if config.score_images else None
    board = build.run.config.tensorboard
    events = board / build.run.config.name / build.work.name[:12] if board else None  # one run in TensorBoard
    train(images[part], labels[part], settings, config.seed, build.work, device, tell, score, events)
    kept = ("best", "best-discriminator") if score else ("generator", "discriminator")
    for mine, name in zip(kept, ("generator", "discriminator"), strict=True):
        shutil.copy(build.work / f"{mine}.safetensors", build.folder / f"{name}.safetensors")
    for name in (CURVE, "run.json"):
        shutil.copy(build.work / name, build.folder / name)
    shutil.copy(training_set.file(MEMBERS), build.folder / MEMBERS)
    curve = [json.loads(line) for line in (build.folder / CURVE).read_text().splitlines()]
    last = curve[-1]
    build.metrics |= {"kimg": last["kimg"], "p": last["p"], "r_t": last.get("r_t")}
    if score:
        best = json.loads((build.work / "best.json").read_text())
        build.metrics |= {"kept_kimg": best["nimg"] / 1000, "score": best["score"]}
    build.page(training_page(build, curve))


def some_of(count: int, config: TrainGanConfig) -> slice | NDArray[np.int64]:
    """Which of the images to train on."""
    if config.images is None or config.images >= count:
        return slice(None)
    return np.sort(np.random.default_rng(config.seed).permutation(count)[: config.images])


def training_page(build: Build, curve: Sequence[dict[str, Any]]) -> Page:
    """How the averaged generator's pictures came to be, and the curves behind them."""
    grids = sorted((build.work / "grids").glob("*.png"))
    shown = [grids[0], grids[len(grids) // 2], grids[-1]] if len(grids) > 2 else grids
    pictures = [
        show_grid(build, build.work / "real.png", "Real logos of each cluster", "What the generator is shown."),
        *(
            show_grid(build, path, f"Generated, {grid_nimg(path) / 1000:g} kimg", "The same latents each time.")
            for path in shown
        ),
        show_film(build),
    ]
    last = curve[-1]
    curves = (
        curve_of(curve, "Losses", "loss", loss_generator="generator", loss_discriminator="discriminator"),
        curve_of(curve, "What the discriminator says", "logit", logits_real="real", logits_fake="generated"),
        curve_of(curve, "Overfitting, r_t", "mean sign of the real logits", r_t="r_t"),
        Curve(
            "Augmentation strength",
            "kimg",
            "p",
            (Series("p", kimg_of(curve), tuple(line["p"] for line in curve)),),
        ),
        curve_of(
            curve,
            "What the discriminator says of the same real logos",
            "logit, not augmented",
            watched_real_p95="95 % of them lie below",
            watched_real_p50="median",
            watched_real_p05="5 % of them lie below",
        ),
        curve_of(curve, "Variety of the generated logos", "share of the real logos' variety", diversity="generated"),
        *scores(curve),
    )
    speeds = [line["images_per_s"] for line in curve if line["step"]]
    if speeds:
        summary = (
            f"Trained for {last['kimg']:g} thousand images at {sum(speeds) / len(speeds):.0f} images a second; "
            f"augmentation strength p ended at {last['p']:.2f}."
        )
    else:
        summary = "The networks that were given, as they are."
    if "warning" in last:
        summary += f" Warning: {last['warning']}."
    return Page(summary, tuple(pictures), curves)


def scores(curve: Sequence[dict[str, Any]]) -> tuple[Curve, ...]:
    """The chart of the snapshots' scores, where they were scored."""
    told = [line for line in curve if "score" in line]
    title = "Distance to real logos, by which the best generator was kept"
    return (curve_of(told, title, "kernel distance", score="of each snapshot"),) if told else ()


def kimg_of(curve: Sequence[dict[str, Any]]) -> tuple[float, ...]:
    """Thousand images at each line of the curve."""
    return tuple(line["kimg"] for line in curve)


def curve_of(curve: Sequence[dict[str, Any]], title: str, y_label: str, **series: str) -> Curve:
    """A chart of measured values by kimg; a value that a tick did not measure leaves a gap."""
    lines = tuple(
        Series(name, kimg_of(curve), tuple(line.get(key, math.nan) for line in curve)) for key, name in series.items()
    )
    return Curve(title, "kimg", y_label, lines)


def grid_nimg(path: Path) -> int:
    """Images seen when a grid was drawn, from its file name."""
    return int("".join(character for character in path.stem if character.isdigit()))


def show_film(build: Build) -> Picture:
    """The grids one after the other."""
    path = build.folder / "pictures" / "film.webp"
    path.parent.mkdir(exist_ok=True)
    shutil.copy(build.work / "film.webp", path)
    alt = "A film of the generated logos, a row for each cluster, from the first picture to the last"
    return Picture("pictures/film.webp", "How they came to be", alt, "From the first picture to the last.")


def show_grid(build: Build, path: Path, title: str, caption: str) -> Picture:
    """A grid of the training, enlarged to be looked at."""
    with Image.open(path) as grid:
        scale = max(1, round(SHOWN_WIDTH / grid.width))
        shown = Image.fromarray(flatten(np.asarray(grid)))  # RGBA on white
        large = shown.resize((grid.width * scale, grid.height * scale), Image.Resampling.BICUBIC)
    return save_picture(
        build, path.name, title, large, alt=f"{title}, a row of logos for each cluster", caption=caption
    )
