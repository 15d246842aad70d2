"""The cascade: the screen looks at every picture, CRAFT at those that the screen is not sure of."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import torch

from craft.decision import load_bounds
from craft.detection import Detection, Detector
from craft.letterbox import Letterbox, Pixels
from craft.screen import Screen, answers_to, load_screen

BATCH = 32


class Cascade:
    """A detector that spares CRAFT the clear cases.

    Attributes:
        bounds: which cases are clear, and how often CRAFT would decide otherwise.
    """

    def __init__(self, detector: Detector) -> None:
        network, self.bounds = load_screen(), load_bounds()
        if detector.canvas != self.bounds.canvas:
            raise ValueError(
                f"The screen was distilled from CRAFT at {self.bounds.canvas} px, not at {detector.canvas}: "
                f"choose a canvas of {self.bounds.canvas}, or CRAFT alone."
            )
        self._detector = detector
        network = network.to(detector.device, detector.dtype)
        self._network: Screen = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub

    def detect(self, images: Sequence[Pixels], audit: Collection[int] = ()) -> list[Detection]:
        """Detect text in uint8 RGB pictures `[h, w, 3]`, in their order.

        Args:
            images: the pictures.
            audit: indices of pictures that CRAFT sees although the screen may be sure, so that both can be compared.
        """
        boxes = [self._detector.letterbox(image) for image in images]
        answers = self._look(boxes)
        unsure = [i for i, (score, _) in enumerate(answers) if self.bounds.low < score < self.bounds.high]
        asked = sorted({*unsure, *audit})
        seen = dict(zip(asked, self._detector.detect_on([boxes[i] for i in asked]), strict=True))
        return [
            replace(seen.get(i, Detection(score, characters)), screen=score)
            for i, (score, characters) in enumerate(answers)
        ]

    def _look(self, boxes: Sequence[Letterbox]) -> list[tuple[float, int]]:
        """How sure the screen is of text, 0 to 1, and how many characters it counts."""
        found: list[tuple[float, int]] = []
        for start in range(0, len(boxes), BATCH):
            canvases = np.stack([square_canvas(box) for box in boxes[start : start + BATCH]])
            pixels = torch.from_numpy(canvases).to(self._detector.device).permute(0, 3, 1, 2)
            answers = answers_to(self._network, pixels)
            scores, counts = answers[:, 0].sigmoid().tolist(), answers[:, 1].expm1().round().int().clamp(min=0).tolist()
            found += zip(scores, counts, strict=True)
        return found


def square_canvas(box: Letterbox) -> Pixels:
    """A canvas `[H, W, 3]` on a square one as long as its long side, in its own background colour, centred."""
    height, width = box.pixels.shape[:2]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    square = np.empty((side, side, 3), np.uint8)
    square[:] = box.pixels[0, 0]
    square[top : top + height, left : left + width] = box.pixels
    return square
