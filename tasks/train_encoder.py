"""train_encoder: momentum contrast on the logos without text."""

import json
import shutil

from logoflow.config.sections import TrainEncoderConfig
from logoflow.report.page import Curve, Page, Series
from logoflow.store.store import Artifact
from moco.settings import EncoderSettings
from moco.training import EpochReport, train
from tasks.device import device_named
from tasks.images import load_squares
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
    encoder = train(images, settings_of(EncoderSettings, config), config.seed, build.work, device, tell)
    shutil.copy(encoder, build.folder / "encoder.safetensors")
    shutil.copy(build.work / CURVE, build.folder / CURVE)
    build.members(ids)
    curve = [json.loads(line) for line in (build.folder / CURVE).read_text().splitlines()]
    build.metrics |= {
        "images": len(ids),
        "low_resolution_r1": curve[-1]["low_resolution"],
        "untrained_r1": curve[0]["low_resolution"],
        "reframed_r1": curve[-1]["reframed"],
        "pixels_r1": curve[-1]["pixels_low_resolution"],
    }
    build.page(curves_page(len(ids), curve))


def curves_page(images: int, curve: list[dict[str, float]]) -> Page:
    """Retrieval and loss by epoch."""
    last = curve[-1]
    epochs = tuple(line["epoch"] for line in curve)
    names = {
        "low_resolution": "low-resolution copies",
        "reframed": "padded or cropped copies",
        "pixels_low_resolution": "low-resolution copies by raw pixels",
        "pixels_reframed": "padded or cropped copies by raw pixels",
    }
    retrieval = Curve(
        "Share of copies whose nearest logo is their original",
        "epoch",
        "recall at 1",
        tuple(Series(title, epochs, tuple(line[name] for line in curve)) for name, title in names.items()),
    )
    trained = [line for line in curve if line["loss"] is not None]
    loss = Curve(
        "Contrastive loss",
        "epoch",
        "nats",
        (Series("loss", tuple(line["epoch"] for line in trained), tuple(line["loss"] for line in trained)),),
    )
    summary = (
        f"Trained on {images} logos; {last['low_resolution']:.1%} of low-resolution copies find their original "
        f"(raw pixels: {last['pixels_low_resolution']:.1%}, untrained: {curve[0]['low_resolution']:.1%})."
    )
    return Page(summary, curves=(retrieval, loss))
