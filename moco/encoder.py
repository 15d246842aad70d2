"""The encoder: a residual network (He et al. 2016) with MoCo v2's head, its file, and embedding with it."""

from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional as F

from moco.blur import gaussian_blur
from moco.files import read_tensors, write_tensors
from moco.normalisation import SplitBatchNorm2d
from moco.randomness import generator
from moco.settings import EncoderSettings


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    expansion = 1  # channels that come out, over the block's own

    def __init__(self, inputs: int, width: int, stride: int, groups: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.norm1 = SplitBatchNorm2d(width, groups)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.norm2 = SplitBatchNorm2d(width, groups)
        self.shortcut = _shortcut(inputs, width, stride, groups)

    def forward(self, x: Tensor) -> Tensor:
        """`[N, inputs, H, W]` to `[N, width, H / stride, W / stride]`."""
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


class Bottleneck(nn.Module):
    """A 3x3 convolution between two 1x1 ones, the last of which has four times the channels, beside a shortcut.

    The stride is the 3x3 convolution's, as in every published encoder: the first 1x1 would skip three pixels in four.
    """

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int, groups: int) -> None:
        super().__init__()
        outputs = self.expansion * width
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.norm1 = SplitBatchNorm2d(width, groups)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.norm2 = SplitBatchNorm2d(width, groups)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.norm3 = SplitBatchNorm2d(outputs, groups)
        self.shortcut = _shortcut(inputs, outputs, stride, groups)

    def forward(self, x: Tensor) -> Tensor:
        """`[N, inputs, H, W]` to `[N, 4 width, H / stride, W / stride]`."""
        y = F.relu(self.norm1(self.conv1(x)))
        y = F.relu(self.norm2(self.conv2(y)))
        return F.relu(self.norm3(self.conv3(y)) + self.shortcut(x))


def _shortcut(inputs: int, outputs: int, stride: int, groups: int) -> nn.Module:
    """Nothing where a block keeps the shape, else a 1x1 convolution that changes it."""
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), SplitBatchNorm2d(outputs, groups))


STAGES: dict[str, tuple[type[Block] | type[Bottleneck], tuple[int, ...]]] = {
    "resnet10": (Block, (1, 1, 1, 1)),
    "resnet18": (Block, (2, 2, 2, 2)),
    "resnet50": (Bottleneck, (3, 4, 6, 3)),
}
"""The kind of block of each network, and how many of them each stage has."""
PIXELS = {
    "centred": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}
"""Mean and deviation of red, green and blue that pixels are standardised by before the network sees them."""


class Encoder(nn.Module):
    """Residual network and head: images `[N, 3, S, S]` in 0..1 to embeddings `[N, dimensions]`, not normalised.

    Attributes:
        settings: what it was built from.
    """

    def __init__(self, settings: EncoderSettings) -> None:
        super().__init__()
        self.settings = settings
        width, groups = settings.width, settings.normalisation_groups
        kernel, stride = (3, settings.stem_stride) if settings.stem_stride < 4 else (7, 2)
        self.stem = nn.Conv2d(3, width, kernel, stride, kernel // 2, bias=False)
        self.norm = SplitBatchNorm2d(width, groups)
        self.pool = nn.MaxPool2d(3, 2, 1) if settings.stem_stride == 4 else nn.Identity()
        kind, counts = STAGES[settings.network]
        blocks: list[nn.Module] = []
        inputs = width
        for stage, count in enumerate(counts):
            for i in range(count):
                blocks.append(kind(inputs, width << stage, 2 if stage and i == 0 else 1, groups))
                inputs = kind.expansion * (width << stage)
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Sequential(nn.Linear(inputs, inputs), nn.ReLU(), nn.Linear(inputs, settings.dimensions))

    def forward(self, images: Tensor) -> Tensor:
        """Embed images, `[N, 3, S, S]` with values in 0..1, as `[N, dimensions]`."""
        x = self.pool(F.relu(self.norm(self.stem(self.prepared(images)))))
        return cast(Tensor, self.head(self.blocks(x).mean(dim=(2, 3))))

    def prepared(self, images: Tensor) -> Tensor:
        """Images in 0..1 as the network takes them: blurred where it was trained so, by mean and deviation.

        These are never folded into the stem's weights: its padding stands for the mean, not for black.
        """
        if self.settings.blur_first:
            with torch.autocast(images.device.type, enabled=False):  # bfloat16 would cost shades
                images = gaussian_blur(images, self.settings.blur_first)
        mean, deviation = (images.new_tensor(values).view(3, 1, 1) for values in PIXELS[self.settings.pixels])
        return (images - mean) / deviation


def create_encoder(settings: EncoderSettings, seed: int) -> Encoder:
    """An untrained encoder whose weights depend on the seed alone (He initialisation), in training mode."""
    with torch.device("meta"):
        encoder = Encoder(settings)
    encoder.to_empty(device="cpu")
    draw = generator(seed, "weights")
    for module in encoder.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu", generator=draw)
        elif isinstance(module, nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=draw)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
    return encoder


def save_encoder(encoder: Encoder, path: Path) -> None:
    """Write the weights as safetensors, with the settings as JSON in the metadata, atomically."""
    settings = encoder.settings.model_dump(mode="json", exclude={"weights"})  # a path means nothing elsewhere
    write_tensors(path, encoder.state_dict(), {"settings": settings})


def load_encoder(path: Path, device: str = "cpu") -> Encoder:
    """Read an encoder that `save_encoder` wrote, in evaluation mode.

    Raises:
        ValueError: the file is no encoder of this kind.
    """
    try:
        tensors, metadata = read_tensors(path)
        with torch.device("meta"):
            encoder = Encoder(EncoderSettings.model_validate(metadata["settings"]))
        encoder.load_state_dict(tensors, assign=True)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{path} is not an encoder: choose a file that train_encoder or moco.train wrote.") from error
    return encoder.to(device).eval()


@torch.inference_mode()
def embed(encoder: Encoder, images: NDArray[np.uint8], batch: int = 256, device: str = "cpu") -> NDArray[np.float32]:
    """Unit vectors of images.

    Args:
        encoder: in evaluation mode or not; it is used in evaluation mode and left as it was.
        images: uint8 `[N, 3, S, S]` with S the encoder's resolution; may be memory-mapped.
        batch: images at once.
        device: where to compute.

    Returns:
        `[N, dimensions]`, each of Euclidean length 1.
    """
    side = encoder.settings.resolution
    if images.ndim != 4 or images.shape[1:] != (3, side, side) or images.dtype != np.uint8:
        raise ValueError(
            f"The encoder takes uint8 images of shape [N, 3, {side}, {side}], not {images.dtype} {list(images.shape)}: "
            f"resize them to {side} pixels."
        )
    was_training = encoder.training
    encoder.to(device).eval()
    vectors = np.empty((len(images), encoder.settings.dimensions), np.float32)
    for start in range(0, len(images), batch):
        part = torch.from_numpy(np.array(images[start : start + batch])).to(device)
        vectors[start : start + batch] = F.normalize(encoder(part / 255), dim=1).cpu().numpy()
    encoder.train(was_training)
    return vectors
