"""The screen: a small network distilled from CRAFT that looks at every picture first, a hundredth of CRAFT's work.

It answers for the whole picture: would CRAFT find text there, and how many characters would it count. `craft.cascade`
believes it where it is sure; `craft.distil` trains it.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

CELL = 8  # pixels of the canvas for each cell of the screen's maps
WIDTHS = (32, 64, 128, 192)  # channels at a quarter, an eighth, ... of the canvas's resolution
BLOCKS = (2, 2, 1)  # residual blocks at each resolution but the finest
WEIGHTS = Path(__file__).with_name("screen.safetensors")


class Convolution(nn.Sequential):
    """A convolution with batch norm, which `fused` weights contain."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, *, fused: bool) -> None:
        padding = (kernel - stride + 1) // 2
        layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=fused)]
        super().__init__(*layers, *([] if fused else [nn.BatchNorm2d(outputs)]))


class Residual(nn.Module):
    """Two convolutions whose result is added to their input."""

    def __init__(self, channels: int, *, fused: bool) -> None:
        super().__init__()
        self.first = Convolution(channels, channels, fused=fused)
        self.second = Convolution(channels, channels, fused=fused)

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of the input's shape."""
        return F.relu(x + self.second(F.relu(self.first(x))))


class Screen(nn.Module):
    """From a picture on CRAFT's canvas to CRAFT's answer; 1.4 million parameters, 0.9 GFLOP at 256 x 256.

    Args:
        fused: without batch norm, for weights that contain it; False is for training.
    """

    def __init__(self, *, fused: bool = True) -> None:
        super().__init__()
        self.stem = Convolution(3, WIDTHS[0], 8, 4, fused=fused)
        self.down = nn.ModuleList(Convolution(a, b, 3, 2, fused=fused) for a, b in pairwise(WIDTHS))
        self.stages = nn.ModuleList(
            nn.Sequential(*(Residual(width, fused=fused) for _ in range(blocks)))
            for width, blocks in zip(WIDTHS[1:], BLOCKS, strict=True)
        )
        self.lateral = nn.Conv2d(WIDTHS[3] + WIDTHS[2], 64, 1)
        self.merge = Convolution(64 + WIDTHS[1], 32, fused=fused)
        self.maps = nn.Conv2d(32, 2, 1)
        self.found = nn.Linear(2, 1)
        self.count = nn.Linear(WIDTHS[3] + 32, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Answer for pictures.

        Args:
            images: `[N, 3, H, W]`, H and W multiples of 32, values -1 to 1.

        Returns:
            `[N, 2]`: the logit of CRAFT's score, and log(1 + number of characters); and `[N, 2, H / 8, W / 8]`, the
            logits of CRAFT's region and affinity maps, the largest value of each cell. The score follows from the best
            cell of either map, as CRAFT's does: the network learns what letters look like, not whole pictures.
        """
        x = F.relu(self.stem(images))
        levels = []
        for down, stage in zip(self.down, self.stages, strict=True):
            x = stage(F.relu(down(x)))
            levels.append(x)
        eighth, sixteenth, coarsest = levels

        x = F.relu(self.lateral(torch.cat((_enlarge(coarsest), sixteenth), dim=1)))
        x = F.relu(self.merge(torch.cat((_enlarge(x), eighth), dim=1)))

        maps = self.maps(x)
        score = self.found(maps.amax(dim=(2, 3)))
        count = self.count(torch.cat((coarsest.mean(dim=(2, 3)), x.mean(dim=(2, 3))), dim=1))
        return torch.cat((score, count), dim=1), maps


def normalise(pixels: Tensor) -> Tensor:
    """From canvases of CRAFT's, uint8 `[N, 3, H, W]`, to what the screen takes."""
    return pixels.to(memory_format=torch.channels_last).float().div_(127.5).sub_(1)


def answers_to(network: Screen, pixels: Tensor) -> Tensor:
    """The answers `[N, 2]` of a screen, computed in its own precision, to canvases, uint8 `[N, 3, H, W]`."""
    with torch.inference_mode():
        answers, _ = network(normalise(pixels).to(network.count.weight.dtype))
    answered: Tensor = answers.float()
    return answered


def load_screen(path: Path = WEIGHTS) -> Screen:
    """Make the network with its distilled weights, in evaluation mode.

    Raises:
        ValueError: the file is missing or is not the screen's.
    """
    network = Screen()
    try:
        network.load_state_dict({name: tensor.float() for name, tensor in load_file(path).items()})
    except (OSError, SafetensorError, RuntimeError) as error:
        raise ValueError(f"{path} is not a screen: make one with `python -m craft.distil`.") from error
    return network.eval().requires_grad_(False)


def _enlarge(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")
