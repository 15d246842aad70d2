"""The features that FID and KID are defined in: Inception-v3 as TensorFlow published it on 2015-12-05.

The network is that of Szegedy et al. (2016), with what sets that graph apart from the Inception-v3 of other places:
average pools leave out their padding, the last block pools by maximum, images are resized as TensorFlow 1 did, and
there are 1008 classes, which features do not need. The weights are the user's: the graph's port to torch, published by
pytorch-fid as `pt_inception-2015-12-05-6726825d.pth` and, byte for byte the same, by torch-fidelity.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from evaluation.features import Features, Images, in_batches, on_white
from evaluation.inception_layout import BLOCKS, REDUCTION, STEM, Branch, Layer
from evaluation.weights import WeightsError

SIDE = 299  # pixels of the square input
FEATURES = 2048
PUBLISHED = "pt_inception-2015-12-05-6726825d.pth"
PUBLISHED_SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"

EPSILON = 1e-3  # of every batch norm
NORM = ("bn.running_mean", "bn.running_var", "bn.weight", "bn.bias")
CLASSIFIER = {"fc.weight", "fc.bias"}
COUNTER = "bn.num_batches_tracked"  # torch's own, which a file may have


class Convolution(nn.Conv2d):
    """Convolution with its batch norm folded into it, and ReLU."""

    def __init__(self, inputs: int, layer: Layer) -> None:
        height, width = layer.kernel
        padding = (height // 2, width // 2) if layer.padded else (0, 0)
        super().__init__(inputs, layer.outputs, layer.kernel, layer.stride, padding)

    def forward(self, x: Tensor) -> Tensor:
        """Return `[N, outputs, H, W]`, or a smaller grid where the layer strides or is not padded."""
        return super().forward(x).relu_()


class Block(nn.ModuleDict):
    """Branches beside each other, with their convolutions by name; their channels are put together in order."""

    def __init__(self, inputs: int, branches: tuple[Branch, ...]) -> None:
        super().__init__()
        self.branches = branches
        self.outputs = 0
        for branch in branches:
            channels = inputs
            for layer in branch.layers:
                self[layer.name] = Convolution(channels, layer)
                channels = layer.outputs
            for end in branch.ends:
                self[end.name] = Convolution(channels, end)
            self.outputs += sum(end.outputs for end in branch.ends) or channels

    def forward(self, x: Tensor) -> Tensor:
        """Return `[N, outputs, H, W]`, or half the grid where the block reduces it."""
        found: list[Tensor] = []
        for branch in self.branches:
            y = x if branch.pool is None else branch.pool(x)
            for layer in branch.layers:
                y = self[layer.name](y)
            found += [self[end.name](y) for end in branch.ends] or [y]
        return torch.cat(found, dim=1)


def inception() -> nn.Sequential:
    """The network, not trained: pooled features `[N, 2048]` of images `[N, 3, 299, 299]`, scaled as (x - 128) / 128."""
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    channels = 3
    for pool, layers in STEM.items():
        for layer in layers:
            parts[layer.name] = Convolution(channels, layer)
            channels = layer.outputs
        parts[pool] = REDUCTION
    for name, branches in BLOCKS.items():
        parts[name] = block = Block(channels, branches)
        channels = block.outputs
    assert channels == FEATURES
    return nn.Sequential(parts | {"pool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten()})


def load_inception(path: Path) -> nn.Sequential:
    """Make the network with the published weights, in evaluation mode.

    Raises:
        WeightsError: the file is not byte for byte the published one.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != PUBLISHED_SHA256:
        raise WeightsError(
            f"{path} is not {PUBLISHED}, which FID needs: its sha256 is {digest[:12]}..., not "
            f"{PUBLISHED_SHA256[:12]}...; take the file that pytorch-fid publishes."
        )
    network = inception()
    network.load_state_dict(fold_batch_norms(network, torch.load(path, map_location="cpu", weights_only=True)))
    return network.eval().requires_grad_(False)


def fold_batch_norms(network: nn.Module, published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The network's tensors from the file's, which holds each convolution apart from its batch norm.

    Raises:
        WeightsError: the file lacks a tensor, or holds one that is not of this network.
    """
    names = [name for name, layer in network.named_modules() if isinstance(layer, Convolution)]
    wanted = {f"{name}.{tensor}" for name in names for tensor in ("conv.weight", *NORM)} | CLASSIFIER
    foreign = {tensor for tensor in published if not tensor.endswith(COUNTER)} ^ wanted
    if foreign:
        name = min(foreign)
        raise WeightsError(
            f"The weights {'lack' if name in wanted else 'hold'} {name}, unlike Inception's: take {PUBLISHED}."
        )
    folded: dict[str, Tensor] = {}
    for name in names:
        mean, variance, scale, shift = (published[f"{name}.{tensor}"] for tensor in NORM)
        kernel = published[f"{name}.conv.weight"]
        weight, bias = fuse_conv_bn_weights(kernel, None, mean, variance, EPSILON, scale, shift)
        folded |= {f"{name}.weight": weight, f"{name}.bias": bias}
    return folded


def resize(images: Tensor, side: int) -> Tensor:
    """Resize square images `[N, C, S, S]` to `[N, C, side, side]` as TensorFlow 1 did by default, bilinearly.

    Pixel i is taken at i S / side, where others take the middles of pixels: pictures move up and to the left by up to
    half a pixel. Smaller ones are not averaged first, so they alias. FID is what it is with both faults.
    """
    size = images.shape[-1]
    # TensorFlow counts in single precision: the step is rounded before it is multiplied.
    at = torch.arange(side, dtype=torch.float32, device=images.device) * torch.tensor(size / side, dtype=torch.float32)
    before = at.long()
    after = (before + 1).clamp(max=size - 1)
    share = at - before
    rows = images[:, :, before] + (images[:, :, after] - images[:, :, before]) * share[:, None]
    return rows[..., before] + (rows[..., after] - rows[..., before]) * share


class Inception:
    """The 2048 pooled features in which the Fréchet distance is called FID, and the kernel distance KID.

    Images are resized and scaled as torch-fidelity does it, so the figures are its figures; clean-fid resizes
    otherwise.

    Args:
        path: the published weights, `pt_inception-2015-12-05-6726825d.pth`.
        device: a torch device.
        batch: images that go through the network together; it changes speed and memory only.

    Raises:
        WeightsError: the file is another.
    """

    name = "inception-2015-12-05"
    dimensions = FEATURES
    digest = hashlib.sha256(f"{name} {PUBLISHED_SHA256} white, as TensorFlow 1 to {SIDE}".encode()).hexdigest()

    def __init__(self, path: Path, device: str = "cpu", batch: int = 16) -> None:
        self._device = torch.device(device)
        self._batch = batch
        self._network = load_inception(path).to(self._device)

    def extract(self, images: Images) -> Features:
        """Features of square images `[N, C, S, S]`: gray (C = 1), RGB (3), or RGBA (4), which is laid on white.

        Returns:
            float32 `[N, 2048]`.

        Raises:
            ValueError: the images are not square, or have another number of channels.
        """
        return in_batches(self._features, images, self.dimensions, self._batch, self._device)

    def _features(self, images: Tensor) -> Tensor:
        features: Tensor = self._network((resize(on_white(images), SIDE) - 128) / 128)
        return features
