"""train_gan: StyleGAN2-ADA on the training set, conditioned on the cluster."""

import json
import shutil

import numpy as np

from logoflow.config.sections import TrainGanConfig
from logoflow.store.store import Artifact
from stylegan2.settings import TrainingSettings
from stylegan2.training import Tick, train
from tasks.device import device_named
from tasks.settings import settings_of
from tasks.stage import Build, stage

CURVE = "curve.jsonl"


@stage("train_gan")
def train_gan(build: Build, training_set: Artifact) -> None:
    """Train a cluster-conditional StyleGAN2-ADA; killed, it goes on from its last snapshot."""
    config: TrainGanConfig = build.config
    assert config.seed is not None
    images = np.load(training_set.file("pixels.npy"), mmap_mode="r")
    labels = np.load(training_set.file("labels.npy"))

    def tell(tick: Tick) -> None:
        build.progress(tick.kimg, config.total_kimg, "kimg")

    device = device_named(build.run.config.device)
    final = train(images, labels, settings_of(TrainingSettings, config), config.seed, build.work, device, tell)
    for name in ("generator.safetensors", "discriminator.safetensors", CURVE):
        shutil.copy(final / name, build.folder / name)
    shutil.copy(training_set.file("members"), build.folder / "members")
    curve = [json.loads(line) for line in (build.folder / CURVE).read_text().splitlines()]
    build.metrics |= {"kimg": curve[-1]["kimg"], "p": curve[-1]["p"], "r_t": curve[-1]["r_t"]}
    build.page(training_page(build, curve))
