"""The feature spaces that generated logos are measured in."""

import functools
import hashlib
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from data.images import flatten, picture
from data.pixels import fit_squares
from evaluation.features import EfficientNetLite0, FeatureNetwork, Features, Images
from evaluation.inception import Inception
from logoflow.config.sections import EvaluateConfig
from moco.encoder import embed, load_encoder

INCEPTION_NAMES = {"frechet": "fid", "kernel": "kid"}


class SpaceChoice(NamedTuple):
    """A space, and the file that its weights are in."""

    kind: Literal["packaged", "encoder", "inception"] = "packaged"
    file: Path | None = None


class EncoderSpace:
    """Unit vectors of a MoCo encoder: another one than made the clusters, or the measure would be circular."""

    def __init__(self, path: Path, device: str) -> None:
        self._encoder = load_encoder(path, device)
        self._device = device
        self.digest = hashlib.sha256(path.read_bytes()).hexdigest()
        self.name = f"moco-{self.digest[:8]}"
        self.dimensions = self._encoder.settings.dimensions

    def extract(self, images: Images) -> Features:
        """Vectors `[N, D]` of images `[N, C, S, S]`."""
        shades = images.round().clip(0, 255).astype(np.uint8)
        pictures = [flatten(picture(image)) for image in shades]
        return embed(self._encoder, fit_squares(pictures, self._encoder.settings.resolution), device=self._device)


def chosen_spaces(config: EvaluateConfig) -> list[SpaceChoice]:
    """The spaces to measure in: EfficientNet-Lite0's first, then those that the configuration gives files of."""
    given = (SpaceChoice("encoder", config.encoder), SpaceChoice("inception", config.inception))
    return [SpaceChoice(), *(choice for choice in given if choice.file is not None)]


@functools.lru_cache(maxsize=3)
def space_of(choice: SpaceChoice, device: str) -> FeatureNetwork:
    """The network of a space; loaded once per process."""
    match choice:
        case SpaceChoice("encoder", Path() as file):
            return EncoderSpace(file, device)
        case SpaceChoice("inception", Path() as file):
            return Inception(file, device)
    return EfficientNetLite0(device)


def metric_name(metric: str, space: str) -> str:
    """What a metric is called in a space: `frechet_floor` is `fid_floor` in Inception's, and there alone."""
    first, *rest = metric.split("_")
    return "_".join([INCEPTION_NAMES.get(first, first), *rest]) if space == Inception.name else metric


def score_name(metric: str, space: str) -> str:
    """The key of a metric's score in a space, such as `frechet_efficientnet-lite0`, `fid_inception-2015-12-05`."""
    return f"{metric_name(metric, space)}_{space}"
