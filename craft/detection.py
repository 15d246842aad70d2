"""Detect text in pictures: letterbox, CRAFT, and what its maps say of each picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from craft.boxes import Box, Map, find_boxes
from craft.letterbox import Letterbox, Pixels, letterbox
from craft.network import STRIDE, Craft
from craft.weights import load_craft

MEAN = (0.485, 0.456, 0.406)  # of ImageNet, as the network was trained
DEVIATION = (0.229, 0.224, 0.225)

Dtype = Literal["float32", "bfloat16"]
Look = Literal["screen", "craft"]


@dataclass(frozen=True)
class Detection:
    """What was seen in one picture, by CRAFT or by the screen alone (`craft.cascade`), which looks less closely.

    Attributes:
        by: who answered.
        score: region times affinity, 0 to 1, as the screen expects it where only that looked. A lone letter or a
            letter-like symbol has a high region score, so region alone, the published rule, takes it for text; only two
            characters side by side have a high affinity too.
        characters: how many characters stand in words, or the screen's estimate.
        region: highest region score, about 0 to 1; None where only the screen looked.
        affinity: highest affinity score, about 0 to 1; None where only the screen looked.
        area: share of the picture that the words' letters cover, 0 to 1; None where only the screen looked.
        boxes: each word followed by its characters, in pixels of the picture, clipped to it.
        screen: the screen's score; None where it was not asked.
    """

    by: Look
    score: float
    characters: int
    region: float | None = None
    affinity: float | None = None
    area: float | None = None
    boxes: tuple[Box, ...] = ()
    screen: float | None = None


class Detector:
    """CRAFT, ready to run on pictures of any sizes.

    Args:
        canvas: long side in pixels to which a picture and its border are resized.
        border: room of the background's colour on each side, as a share of the picture's long side; on the labelled
            logos it takes fewer symbols for text (AUC 0.9982 for 0.9977, which is within chance).
        dtype: "bfloat16" is twice as fast where the processor or GPU has it; see `supports_bfloat16`.
        device: a torch device.
        weights: one of the published files; None for the packaged one.
        batch: pictures of one shape that go through the network together, which changes speed and memory only; None for
            8 on a CPU and 64 on a GPU.
        compiled: compile the network for full batches of square canvases, the most common shape by far; the first of
            them then takes about a minute. The maps change by rounding only.
    """

    def __init__(
        self,
        canvas: int = 256,
        border: float = 0.125,
        dtype: Dtype = "float32",
        device: str = "cpu",
        weights: Path | None = None,
        batch: int | None = None,
        compiled: bool = False,
    ) -> None:
        if canvas < 32:
            raise ValueError(f"A canvas of {canvas} pixels is too small for CRAFT: choose at least 32, such as 256.")
        if (batch is not None and batch < 1) or border < 0:
            raise ValueError(f"batch is {batch} and border {border}: choose at least 1 and 0, such as 8 and 0.125.")
        self.canvas = canvas
        self.border = border
        self.device = torch.device(device)
        self.batch = batch or (8 if self.device.type == "cpu" else 64)
        self.dtype = torch.float32 if dtype == "float32" else torch.bfloat16
        network = load_craft(weights).to(self.device, self.dtype)
        self._network: Craft = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub
        self._square = torch.compile(self._network, dynamic=False) if compiled else self._network
        self._mean = torch.tensor(MEAN, device=self.device).mul(255).view(1, 3, 1, 1)
        self._deviation = torch.tensor(DEVIATION, device=self.device).mul(255).view(1, 3, 1, 1)

    def letterbox(self, image: Pixels) -> Letterbox:
        """Fit a picture into the canvas."""
        return letterbox(image, self.canvas, self.border)

    def detect(self, images: Sequence[Pixels]) -> list[Detection]:
        """Detect text in uint8 RGB pictures `[h, w, 3]`, in their order."""
        return self.detect_on([self.letterbox(image) for image in images])

    def detect_on(self, boxes: Sequence[Letterbox]) -> list[Detection]:
        """Detect text in pictures on their canvases, in their order."""
        return [describe(box, *maps) for box, maps in zip(boxes, self.maps_on(boxes), strict=True)]

    def maps_on(self, boxes: Sequence[Letterbox]) -> list[NDArray[np.float32]]:
        """Region and affinity scores `[2, H / 2, W / 2]` of each canvas `[H, W, 3]`, in their order."""
        groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for index, box in enumerate(boxes):
            groups[box.pixels.shape].append(index)
        found: dict[int, NDArray[np.float32]] = {}
        for group in groups.values():  # pictures of one shape go through the network together
            for start in range(0, len(group), self.batch):
                batch = group[start : start + self.batch]
                found |= zip(batch, self._run([boxes[index] for index in batch]), strict=True)
        return [found[index] for index in range(len(boxes))]

    def maps(self, images: Sequence[Pixels]) -> list[NDArray[np.float32]]:
        """Region and affinity scores `[2, h', w']` of each picture, at half its resolution on the canvas."""
        boxes = [self.letterbox(image) for image in images]
        return [_inside(box, maps) for box, maps in zip(boxes, self.maps_on(boxes), strict=True)]

    def _run(self, boxes: list[Letterbox]) -> NDArray[np.float32]:
        pixels = torch.from_numpy(np.stack([box.pixels for box in boxes])).to(self.device)
        with torch.inference_mode():
            x = pixels.permute(0, 3, 1, 2).float()  # stored as NHWC, which is channels_last
            x = x.sub_(self._mean).div_(self._deviation)
            full = x.shape == (self.batch, 3, self.canvas, self.canvas)
            network = self._square if full else self._network
            scores: NDArray[np.float32] = network(x.to(self.dtype)).float().cpu().numpy()
        return scores


def supports_bfloat16(device: str = "cpu") -> bool:
    """Whether bfloat16 is computed in hardware there, so that it is faster and not slower than float32."""
    if torch.device(device).type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    supported: bool = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return supported


def _inside(box: Letterbox, maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cut the cells that touch the picture out of its canvas's maps."""
    rows = slice(box.top // STRIDE, -(-(box.top + box.height) // STRIDE))
    columns = slice(box.left // STRIDE, -(-(box.left + box.width) // STRIDE))
    return maps[:, rows, columns]


def describe(box: Letterbox, region: Map, affinity: Map) -> Detection:
    """What the maps `[H / 2, W / 2]` of a canvas say of the picture on it."""
    height, width = (side / scale for side, scale in ((box.height, box.scale_y), (box.width, box.scale_x)))

    def to_picture(cells: Box) -> Box:
        return replace(
            cells,
            left=min(max((cells.left * STRIDE - box.left) / box.scale_x, 0.0), width),
            top=min(max((cells.top * STRIDE - box.top) / box.scale_y, 0.0), height),
            right=min(max((cells.right * STRIDE - box.left) / box.scale_x, 0.0), width),
            bottom=min(max((cells.bottom * STRIDE - box.top) / box.scale_y, 0.0), height),
        )

    boxes, covered = find_boxes(region, affinity)
    best_region, best_affinity = float(region.max()), float(affinity.max())
    return Detection(
        by="craft",
        score=min(1.0, max(0.0, best_region) * max(0.0, best_affinity)),
        region=best_region,
        affinity=best_affinity,
        characters=sum(found.kind == "character" for found in boxes),
        area=min(1.0, covered * STRIDE**2 / (box.width * box.height)),
        boxes=tuple(to_picture(found) for found in boxes),
    )
