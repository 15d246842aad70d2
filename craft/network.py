"""CRAFT's network (Baek et al. 2019): VGG-16 features and a U-net that score each pixel as character or gap.

Batch norm is folded into the convolutions when the weights are read (`craft.weights`), so every layer here is a plain
convolution with a bias; inference is all this network is for.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, cat, nn

STRIDE = 2  # pixels of the input for each cell of the maps
MULTIPLE = 32  # sides of the input; the published code pads to it, and every pooling then divides evenly


class Merge(nn.Module):
    """Join coarse features with the skip of their size: a 1x1 convolution mixes channels, a 3x3 one spreads them."""

    def __init__(self, in_channels: int, mid_channels: int, out_channels: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(in_channels, mid_channels, 1)
        self.spread = nn.Conv2d(mid_channels, out_channels, 3, padding=1)

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        """Return `[N, out_channels, h, w]` from two tensors of one size."""
        return F.relu_(self.spread(F.relu_(self.mix(cat((coarse, skip), dim=1)))))


class Craft(nn.Module):
    """Region and affinity scores of an image at half its resolution; 20.8 million parameters, 46.6 GFLOP at 256 x 256.

    `load_craft` makes one with trained weights. The names of the encoder's layers are VGG's.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1_1 = nn.Conv2d(3, 64, 3, padding=1)
        self.conv1_2 = nn.Conv2d(64, 64, 3, padding=1)
        self.conv2_1 = nn.Conv2d(64, 128, 3, padding=1)
        self.conv2_2 = nn.Conv2d(128, 128, 3, padding=1)
        self.conv3_1 = nn.Conv2d(128, 256, 3, padding=1)
        self.conv3_2 = nn.Conv2d(256, 256, 3, padding=1)
        self.conv3_3 = nn.Conv2d(256, 256, 3, padding=1)
        self.conv4_1 = nn.Conv2d(256, 512, 3, padding=1)
        self.conv4_2 = nn.Conv2d(512, 512, 3, padding=1)
        self.conv4_3 = nn.Conv2d(512, 512, 3, padding=1)
        self.conv5_1 = nn.Conv2d(512, 512, 3, padding=1)
        self.conv5_2 = nn.Conv2d(512, 512, 3, padding=1)
        self.conv6 = nn.Conv2d(512, 1024, 3, padding=6, dilation=6)
        self.conv7 = nn.Conv2d(1024, 1024, 1)

        self.merge1 = Merge(1024 + 512, 512, 256)
        self.merge2 = Merge(256 + 512, 256, 128)
        self.merge3 = Merge(128 + 256, 128, 64)
        self.merge4 = Merge(64 + 128, 64, 32)

        self.score1 = nn.Conv2d(32, 32, 3, padding=1)
        self.score2 = nn.Conv2d(32, 32, 3, padding=1)
        self.score3 = nn.Conv2d(32, 16, 3, padding=1)
        self.score4 = nn.Conv2d(16, 16, 1)
        self.score5 = nn.Conv2d(16, 2, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Score normalised RGB images.

        Args:
            images: `[N, 3, H, W]`, H and W multiples of 32, less ImageNet's mean and divided by its deviation.

        Returns:
            `[N, 2, H / 2, W / 2]`: how likely a cell is the centre of a character (region, 0), or of the gap between
            two characters of a word (affinity, 1). Trained towards 0 to 1, not clamped to it.
        """
        assert all(side % MULTIPLE == 0 for side in images.shape[2:]), "sides must be multiples of 32"

        # Encode. The published network hands on the first three skips after their ReLU and the fourth before it.
        half = F.relu_(self.conv2_2(F.relu_(self.conv2_1(_halve(self._stem(images))))))
        quarter = F.relu_(self.conv3_2(F.relu_(self.conv3_1(_halve(half)))))
        x = F.relu_(self.conv3_3(quarter))
        eighth = F.relu_(self.conv4_2(F.relu_(self.conv4_1(_halve(x)))))
        x = F.relu_(self.conv4_3(eighth))
        sixteenth = self.conv5_2(F.relu_(self.conv5_1(_halve(x))))
        x = F.max_pool2d(sixteenth, kernel_size=3, stride=1, padding=1)
        x = self.conv7(self.conv6(x))

        # Decode, from a sixteenth of the resolution to a half.
        x = self.merge1(x, sixteenth)
        x = self.merge2(_enlarge(x, eighth), eighth)
        x = self.merge3(_enlarge(x, quarter), quarter)
        x = self.merge4(_enlarge(x, half), half)

        x = F.relu_(self.score3(F.relu_(self.score2(F.relu_(self.score1(x))))))
        scores: Tensor = self.score5(F.relu_(self.score4(x)))
        return scores

    def _stem(self, images: Tensor) -> Tensor:
        return F.relu_(self.conv1_2(F.relu_(self.conv1_1(images))))


def _halve(x: Tensor) -> Tensor:
    return F.max_pool2d(x, kernel_size=2)


def _enlarge(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=False)
