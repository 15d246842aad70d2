"""The feature spaces that generated logos are measured in."""

import functools
import hashlib
from pathlib import Path

import numpy as np

from data.images import flatten
from data.pixels import fit_squares
from evaluation.features import EfficientNetLite0, FeatureNetwork, Features, Images
from moco.encoder import embed, load_encoder


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
        if shades.shape[1] == 1:
            shades = shades.repeat(3, axis=1)
        pictures = [flatten(image.transpose(1, 2, 0)) for image in shades]
        return embed(self._encoder, fit_squares(pictures, self._encoder.settings.resolution), device=self._device)


@functools.lru_cache(maxsize=2)
def space_of(encoder: Path | None, device: str) -> FeatureNetwork:
    """EfficientNet-Lite0's space, or that of an encoder; loaded once per process."""
    return EfficientNetLite0(device) if encoder is None else EncoderSpace(encoder, device)
