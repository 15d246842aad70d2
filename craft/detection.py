"""Detect text in pictures: letterbox, CRAFT, and what its maps say of each picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
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

TEXT_THRESHOLD = 0.7  # the published one; on this score precision is 0.994 and recall 0.974 (benchmarks.text)

Dtype = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class Detection:
    """What CRAFT saw in one picture.

    Attributes:
        score: region times affinity, 0 to 1; a picture with at least `TEXT_THRESHOLD` has text. A lone letter or a
            letter-like symbol has a high region score, so region alone, the published rule, takes it for text; only
            two characters side by side have a high affinity too.
        region: highest region score, about 0 to 1.
        affinity: highest affinity score, about 0 to 1.
        characters: how many characters stand in words.
        area: share of the picture that those words' letters cover, 0 to 1.
        boxes: each word followed by its characters, in pixels of the picture, clipped to it.
    """

    score: float
    region: float
    affinity: float
    characters: int
    area: float
    boxes: tuple[Box, ...]


class Detector:
    """CRAFT, ready to run on pictures of any sizes.

    Args:
        canvas: long side in pixels to which a picture and its border are resized.
        border: room of the background's colour on each side, as a share of the picture's long side; on the labelled
            logos it takes fewer symbols for text (AUC 0.9982 for 0.9977, which is within chance).
        dtype: "bfloat16" is twice as fast where the processor or GPU has it; see `supports_bfloat16`.
        device: a torch device.
        weights: one of the published files; None for the packaged one.
        batch: pictures of one shape that go through the network together; it changes speed and memory only.
    """

    def __init__(
        self,
        canvas: int = 256,
        border: float = 0.125,
        dtype: Dtype = "float32",
        device: str = "cpu",
        weights: Path | None = None,
        batch: int = 8,
    ) -> None:
        if canvas < 32:
            raise ValueError(f"A canvas of {canvas} pixels is too small for CRAFT: choose at least 32, such as 256.")
        if batch < 1 or border < 0:
            raise ValueError(f"batch is {batch} and border {border}: choose at least 1 and 0, such as 8 and 0.125.")
        self.canvas = canvas
        self.border = border
        self.batch = batch
        self._device = torch.device(device)
        self._dtype = torch.float32 if dtype == "float32" else torch.bfloat16
        network = load_craft(weights).to(self._device, self._dtype)
        self._network: Craft = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub
        self._mean = torch.tensor(MEAN, device=self._device).mul(255).view(1, 3, 1, 1)
        self._deviation = torch.tensor(DEVIATION, device=self._device).mul(255).view(1, 3, 1, 1)

    def detect(self, images: Sequence[Pixels]) -> list[Detection]:
        """Detect text in uint8 RGB pictures `[h, w, 3]`, in their order."""
        found: dict[int, Detection] = {}
        for index, box, maps in self._scored(images):
            found[index] = _describe(box, maps[0], maps[1])
        return [found[index] for index in range(len(images))]

    def maps(self, images: Sequence[Pixels]) -> list[NDArray[np.float32]]:
        """Region and affinity scores `[2, h', w']` of each picture, at half its resolution on the canvas."""
        found = {index: _inside(box, maps) for index, box, maps in self._scored(images)}
        return [found[index] for index in range(len(images))]

    def _scored(self, images: Sequence[Pixels]) -> Iterator[tuple[int, Letterbox, NDArray[np.float32]]]:
        """Yield index, letterbox and maps `[2, H / 2, W / 2]` of each picture, those of one canvas shape together."""
        waiting: dict[tuple[int, ...], list[tuple[int, Letterbox]]] = defaultdict(list)
        for index, image in enumerate(images):
            box = letterbox(image, self.canvas, self.border)
            group = waiting[box.pixels.shape]
            group.append((index, box))
            if len(group) == self.batch:
                yield from self._run(waiting.pop(box.pixels.shape))
        for group in waiting.values():
            yield from self._run(group)

    def _run(self, group: list[tuple[int, Letterbox]]) -> Iterator[tuple[int, Letterbox, NDArray[np.float32]]]:
        pixels = torch.from_numpy(np.stack([box.pixels for _, box in group])).to(self._device)
        with torch.inference_mode():
            x = pixels.permute(0, 3, 1, 2).float()  # stored as NHWC, which is channels_last
            x = x.sub_(self._mean).div_(self._deviation)
            scores = self._network(x.to(self._dtype)).float().cpu().numpy()
        for (index, box), maps in zip(group, scores, strict=True):
            yield index, box, maps


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


def _describe(box: Letterbox, region: Map, affinity: Map) -> Detection:
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
        score=min(1.0, max(0.0, best_region) * max(0.0, best_affinity)),
        region=best_region,
        affinity=best_affinity,
        characters=sum(found.kind == "character" for found in boxes),
        area=min(1.0, covered * STRIDE**2 / (box.width * box.height)),
        boxes=tuple(to_picture(found) for found in boxes),
    )
