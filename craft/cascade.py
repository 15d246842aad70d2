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
        found = self._screen(boxes)
        unsure = {i for i, seen in enumerate(found) if self.bounds.verdict(seen.score) is None}
        asked = sorted(unsure.union(audit))
        for i, seen in zip(asked, self._detector.detect_on([boxes[i] for i in asked]), strict=True):
            found[i] = replace(seen, screen=found[i].score)
        return found

    def _screen(self, boxes: Sequence[Letterbox]) -> list[Detection]:
        """What score the screen expects of CRAFT, and how many characters."""
        found: list[Detection] = []
        for start in range(0, len(boxes), BATCH):
            canvases = np.stack([square_canvas(box) for box in boxes[start : start + BATCH]])
            pixels = torch.from_numpy(canvases).to(self._detector.device).permute(0, 3, 1, 2)
            answers = answers_to(self._network, pixels)
            scores, counts = answers[:, 0].sigmoid().tolist(), answers[:, 1].expm1().round().int().clamp(min=0).tolist()
            for score, characters in zip(scores, counts, strict=True):
                found.append(Detection("screen", score, characters, screen=score))
        return found


def detect_views(
    detector: Cascade | Detector, pictures: Sequence[Sequence[Pixels]], audit: Collection[int] = ()
) -> list[Detection]:
    """Detect text in pictures of which each may have several views; of each picture's the one with the highest score.

    Args:
        detector: the cascade, or CRAFT alone, which needs no audit.
        pictures: views, uint8 RGB `[h, w, 3]`, of each picture; at least one.
        audit: indices of pictures that CRAFT sees in any case.
    """
    owner = [index for index, views in enumerate(pictures) for _ in views]
    audited = set(audit)
    flat = [view for views in pictures for view in views]
    if isinstance(detector, Cascade):
        found = detector.detect(flat, [n for n, index in enumerate(owner) if index in audited])
    else:
        found = detector.detect(flat)
    best: dict[int, Detection] = {}
    for index, seen in zip(owner, found, strict=True):
        if index not in best or seen.score > best[index].score:
            best[index] = seen
    return [best[index] for index in range(len(pictures))]


def square_canvas(box: Letterbox) -> Pixels:
    """A canvas `[H, W, 3]` on a square one as long as its long side, in its own background colour, centred."""
    height, width = box.pixels.shape[:2]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    square = np.empty((side, side, 3), np.uint8)
    square[:] = box.pixels[0, 0]
    square[top : top + height, left : left + width] = box.pixels
    return square
