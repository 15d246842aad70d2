"""EfficientNet-Lite0, trained on ImageNet (Tan and Le 2019; Lite: no squeeze-and-excitation, ReLU6 for swish)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_eval

from evaluation.weights import packaged_weights

SIDE = 224  # pixels of the square input
FEATURES = 1280
CLASSES = 1000

# Repeats, kernel, stride of the first, expansion, channels out: one row for each stage of inverted residuals.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM = 32  # channels


class Convolution(nn.Module):
    """Convolution with TensorFlow's "same" padding, batch norm and, if asked, ReLU6."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, activate: bool = True
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, groups=groups, bias=False)
        self.norm: nn.BatchNorm2d | None = nn.BatchNorm2d(outputs, eps=1e-3)
        self.activate = activate

    def fuse(self) -> None:
        """Fold the batch norm into the convolution; the layer is for inference from here on."""
        assert self.norm is not None, "fused already"
        self.conv, self.norm = fuse_conv_bn_eval(self.conv.eval(), self.norm.eval()), None

    def forward(self, x: Tensor) -> Tensor:
        """Return `[N, outputs, ceil(H / stride), ceil(W / stride)]`."""
        kernel, stride = self.conv.kernel_size[0], self.conv.stride[0]
        # TensorFlow puts the odd pixel of its padding last, where torch's own padding is symmetric.
        before_after = [pad for side in (x.shape[3], x.shape[2]) for pad in _same_padding(side, kernel, stride)]
        x = self.conv(F.pad(x, before_after))
        if self.norm is not None:
            x = self.norm(x)
        return F.relu6(x) if self.activate else x


class Block(nn.Module):
    """Inverted residual: widen by a 1x1 convolution, filter each channel, narrow; added to its input where it fits."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expand = Convolution(inputs, inner, 1) if expansion > 1 else nn.Identity()
        self.depthwise = Convolution(inner, inner, kernel, stride, groups=inner)
        self.project = Convolution(inner, outputs, 1, activate=False)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Return `[N, outputs, ceil(H / stride), ceil(W / stride)]`."""
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


class EfficientNet(nn.Module):
    """The Lite0 network up to its pooled features, with the classifier beside them."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Convolution(3, STEM, 3, stride=2)
        blocks: list[Block] = []
        channels = STEM
        for repeats, kernel, stride, expansion, outputs in STAGES:
            for repeat in range(repeats):
                blocks.append(Block(channels, outputs, kernel, stride if repeat == 0 else 1, expansion))
                channels = outputs
        self.blocks = nn.Sequential(*blocks)
        self.head = Convolution(channels, FEATURES, 1)
        self.classifier = nn.Linear(FEATURES, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        """Pooled features `[N, 1280]` of images `[N, 3, 224, 224]`, scaled as (x - 127) / 128."""
        features: Tensor = self.head(self.blocks(self.stem(images))).mean(dim=(2, 3))
        return features


def load_efficientnet() -> EfficientNet:
    """Make the network with the packaged weights and fused batch norms, in evaluation mode.

    Raises:
        WeightsError: the packaged file is missing or is not the published one.
    """
    published = torch.load(packaged_weights(), map_location="cpu", weights_only=True)
    network = EfficientNet()
    network.load_state_dict({_our_name(name): value for name, value in published.items()})
    for layer in network.modules():
        if isinstance(layer, Convolution):
            layer.fuse()
    return network.eval().requires_grad_(False)


def _same_padding(side: int, kernel: int, stride: int) -> tuple[int, int]:
    total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2


# The published names, piece by piece; `_bn0` is a block's first norm inside a block and the stem's outside.
BLOCK_NAMES = {
    "_expand_conv": "expand.conv",
    "_bn0": "expand.norm",
    "_depthwise_conv": "depthwise.conv",
    "_bn1": "depthwise.norm",
    "_project_conv": "project.conv",
    "_bn2": "project.norm",
}
OUTER_NAMES = {
    "_conv_stem": "stem.conv",
    "_bn0": "stem.norm",
    "_conv_head": "head.conv",
    "_bn1": "head.norm",
    "_fc": "classifier",
}


def _our_name(published: str) -> str:
    *path, layer, parameter = published.split(".")
    if path:
        return f"blocks.{path[1]}.{BLOCK_NAMES[layer]}.{parameter}"
    return f"{OUTER_NAMES[layer]}.{parameter}"
