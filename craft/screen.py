"""The screen: a small network distilled from CRAFT that looks at every picture first, a hundredth of CRAFT's work.

It answers for the whole picture: what score would CRAFT give, and how many characters would it count. `craft.cascade`
believes it where it is sure; `craft.distil` trains it.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

SHRINK = 2  # pixels of CRAFT's canvas for each of the screen's input
CELL = 8  # pixels of CRAFT's canvas for each cell of the screen's maps
WIDTHS = (24, 48, 96, 160)  # channels at a half, a quarter, an eighth and a sixteenth of the input
WEIGHTS = Path(__file__).with_name("screen.safetensors")


class Convolution(nn.Sequential):
    """A 3x3 convolution with batch norm, which `fused` weights contain."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, *, fused: bool) -> None:
        layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=fused)]
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
    """From a picture on CRAFT's canvas, halved, to CRAFT's answer; 1.1 million parameters, a hundredth of CRAFT's work.

    Args:
        fused: without batch norm, for weights that contain it; False is for training.
    """

    def __init__(self, *, fused: bool = True) -> None:
        super().__init__()
        half, quarter, eighth, sixteenth = WIDTHS
        self.stem = Convolution(3, half, 2, fused=fused)
        self.down1 = Convolution(half, quarter, 2, fused=fused)
        self.stage1 = Residual(quarter, fused=fused)
        self.down2 = Convolution(quarter, eighth, 2, fused=fused)
        self.stage2 = nn.Sequential(Residual(eighth, fused=fused), Residual(eighth, fused=fused))
        self.down3 = Convolution(eighth, sixteenth, 2, fused=fused)
        self.stage3 = Residual(sixteenth, fused=fused)
        self.lateral = nn.Conv2d(sixteenth + eighth, 64, 1)
        self.merge = Convolution(64 + quarter, 32, fused=fused)
        self.maps = nn.Conv2d(32, 2, 1)
        self.hidden = nn.Linear(sixteenth + 2 * 32, 64)
        self.answer = nn.Linear(64, 2)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Answer for pictures.

        Args:
            images: `[N, 3, H, W]`, H and W multiples of 16, values -1 to 1.

        Returns:
            `[N, 2]`: the logit of CRAFT's score, and log(1 + number of characters); and `[N, 2, H / 4, W / 4]`,
            estimates of CRAFT's region and affinity maps, the largest value of each cell, which only training needs.
        """
        quarter = self.stage1(F.relu(self.down1(F.relu(self.stem(images)))))
        eighth = self.stage2(F.relu(self.down2(quarter)))
        sixteenth = self.stage3(F.relu(self.down3(eighth)))

        x = F.relu(self.lateral(torch.cat((_enlarge(sixteenth), eighth), dim=1)))
        x = F.relu(self.merge(torch.cat((_enlarge(x), quarter), dim=1)))

        pooled = (sixteenth.mean(dim=(2, 3)), x.mean(dim=(2, 3)), x.amax(dim=(2, 3)))
        answer: Tensor = self.answer(F.relu(self.hidden(torch.cat(pooled, dim=1))))
        return answer, self.maps(x)


def normalise(pixels: Tensor) -> Tensor:
    """From canvases of CRAFT's, uint8 `[N, 3, H, W]`, to what the screen takes, `[N, 3, H / 2, W / 2]`."""
    x = F.avg_pool2d(pixels.to(memory_format=torch.channels_last).float(), SHRINK)
    return x.div_(127.5).sub_(1)


def answers_to(network: Screen, pixels: Tensor) -> Tensor:
    """The answers `[N, 2]` of a screen, computed in its own precision, to canvases, uint8 `[N, 3, H, W]`."""
    with torch.inference_mode():
        answers, _ = network(normalise(pixels).to(network.answer.weight.dtype))
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
