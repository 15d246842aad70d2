"""train_encoder: momentum contrast on the logos without text."""

import json
import shutil
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from logoflow.config.sections import TrainEncoderConfig
from logoflow.errors import UserError
from logoflow.report.page import Curve, Page, Series
from logoflow.store.store import Artifact
from moco.curve import EpochReport, Line, written
from moco.monitor import UNKNOWN
from moco.settings import EncoderSettings
from moco.training import train
from tasks.device import device_named
from tasks.images import load_squares, read_table
from tasks.settings import settings_of
from tasks.stage import Build, stage
from tasks.tables import kept_ids

CURVE = "curve.jsonl"


@stage("train_encoder")
def train_encoder(build: Build, table: Artifact, decisions: Artifact) -> None:
    """Train a MoCo encoder that brings a logo and its low-resolution copies together."""
    config: TrainEncoderConfig = build.config
    assert config.seed is not None
    ids = kept_ids(decisions)
    images = load_squares(table, build.space.store, ids, config.resolution)

    def tell(report: EpochReport) -> None:
        build.progress(report.epoch, report.epochs, "epochs")

    device = device_named(build.run.config.device)
    labels = classes(table, ids, config.labels) if config.labels else None
    encoder = train(images, settings_of(EncoderSettings, config), config.seed, build.work, device, tell, labels)
    shutil.copy(encoder, build.folder / "encoder.safetensors")
    shutil.copy(build.work / CURVE, build.folder / CURVE)
    build.members(ids)
    curve = [json.loads(line) for line in (build.folder / CURVE).read_text().splitlines()]
    kept = written(curve, config.patience)
    build.metrics |= {
        "images": len(ids),
        "epoch": kept["epoch"],
        "low_resolution_r1": kept["low_resolution"],
        "untrained_r1": curve[0]["low_resolution"],
        "reframed_r1": kept["reframed"],
        "pixels_r1": kept["pixels_low_resolution"],
    }
    if kept["knn"] is not None:
        build.metrics["knn"] = kept["knn"]
    build.page(curves_page(len(ids), curve, kept))


def classes(table: Artifact, ids: Sequence[str], name: str) -> NDArray[np.int64]:
    """What a label of the sources says of each logo, `[N]`, -1 where it says nothing.

    Raises:
        UserError: it says nothing of any of them.
    """
    rows = {row.id: row.labels for row in read_table(table)}
    labels = np.array([rows[i].get(name, UNKNOWN) for i in ids], np.int64)
    if (labels == UNKNOWN).all():
        known = ", ".join(sorted({name for i in ids for name in rows[i]})) or "none"
        raise UserError(
            f"train_encoder.labels is {name}, but no logo has a label of that name (there are: {known}): choose "
            "another, or leave it out."
        )
    return labels


def curves_page(images: int, curve: Sequence[Line], kept: Line) -> Page:
    """Retrieval, classes and loss by epoch, and what the encoder that was kept can do."""
    retrieval = {
        "low_resolution": "low-resolution copies",
        "reframed": "padded or cropped copies",
        "pixels_low_resolution": "low-resolution copies by raw pixels",
        "pixels_reframed": "padded or cropped copies by raw pixels",
    }
    curves = [
        chart(curve, "Share of copies whose nearest logo is their original", "recall at 1", retrieval),
        chart(curve, "Share of logos whose class their nearest logos tell", "accuracy", {"knn": "labelled logos"}),
        chart(curve, "Contrastive loss", "nats", {"loss": "loss"}),
    ]
    epochs = f" for {kept['epoch']} of {kept['epochs']} epochs" if kept is not curve[-1] else ""
    found = f"{kept['low_resolution']:.1%} of low-resolution copies find their original"
    pixels = f"raw pixels: {kept['pixels_low_resolution']:.1%}"
    before = f"before training: {curve[0]['low_resolution']:.1%}"
    summary = f"Trained on {images} logos{epochs}; {found} ({pixels}, {before})."
    if not kept["epochs"]:
        summary = f"The encoder of the given weights, as it is, on {images} logos; {found} ({pixels})."
    return Page(summary, curves=tuple(shown for shown in curves if shown.series))


def chart(curve: Sequence[Line], title: str, y_label: str, names: Mapping[str, str]) -> Curve:
    """A line for each measured figure, by epoch; what was never measured has none."""
    series = []
    for key, name in names.items():
        if lines := [line for line in curve if line[key] is not None]:
            series.append(Series(name, tuple(line["epoch"] for line in lines), tuple(line[key] for line in lines)))
    return Curve(title, "epoch", y_label, tuple(series))
