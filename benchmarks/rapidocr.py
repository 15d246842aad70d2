"""The text detector of rapidocr-onnxruntime (PP-OCRv4), for comparison: `pip install rapidocr-onnxruntime==1.4.4`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import yaml

from craft.letterbox import Pixels


class RapidOcr:
    """Its detector at one size.

    Args:
        side: to which the short side of a picture is resized.

    Attributes:
        threshold: the score from which on its package takes a box for text.
    """

    def __init__(self, side: int) -> None:
        from rapidocr_onnxruntime.ch_ppocr_det import TextDetector

        spec = find_spec("rapidocr_onnxruntime")
        assert spec is not None
        assert spec.origin is not None
        folder = Path(spec.origin).parent
        config = yaml.safe_load((folder / "config.yaml").read_text())["Det"]
        self.threshold: float = config["box_thresh"]
        self._detector = TextDetector(
            {**config, "model_path": str(folder / config["model_path"]), "limit_side_len": side, "box_thresh": 0.0}
        )

    def best_box(self, image: Pixels) -> float:
        """Score of the best box in a picture, uint8 RGB `[h, w, 3]`; 0 where there is none."""
        detector = self._detector
        prepared = detector.get_preprocess(max(image.shape[:2]))(image[:, :, ::-1])  # it reads BGR
        if prepared is None:
            return 0.0
        _, scores = detector.postprocess_op(detector.infer(prepared)[0], image.shape[:2])
        return max(map(float, scores), default=0.0)
