"""Text detection on labelled logos: how well and how fast, as published and as shipped.

    python -m benchmarks.text --labels PATH [--dtype float32 bfloat16] [--limit 200] [--json]

PATH is a Parquet file with the columns png (bytes), has_text and ink_aspect (width over height of the inked box).
Wordmarks are wide, so the figures also stand for the square subset alone, where shape does not give the text away.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy import stats

from craft.detection import TEXT_THRESHOLD, Detector, Dtype, supports_bfloat16
from craft.letterbox import Pixels

SQUARE = (0.55, 1.8)  # ink_aspect
RESAMPLES = 1000
Scores = NDArray[np.float64]
Labels = NDArray[np.bool_]


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f}-{self.high:.3f})"


@dataclass(frozen=True)
class Result:
    """One line of the table: a method on a subset of the images."""

    method: str
    subset: str
    images: int
    with_text: int
    auc: Estimate
    precision: Estimate
    recall: Estimate
    f1: Estimate
    images_per_s: float


def main() -> None:
    """Run the methods and print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=Path, required=True, help="Parquet file of labelled logos")
    parser.add_argument("--dtype", nargs="+", choices=("float32", "bfloat16"), help="default: those this machine has")
    parser.add_argument("--limit", type=int, help="a random sample of so many images, always the same")
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    arguments = parser.parse_args()

    dtypes: list[Dtype] = arguments.dtype or (["float32", "bfloat16"] if supports_bfloat16() else ["float32"])
    images, has_text, square = read_labels(arguments.labels, arguments.limit)
    results = measure("CRAFT as published, float32", Detector(border=0.0), images, has_text, square, published=True)
    for dtype in dtypes:
        results += measure(f"as shipped, {dtype}", Detector(dtype=dtype), images, has_text, square)

    machine = {"threads": torch.get_num_threads(), "load": os.getloadavg()[0], "torch": torch.__version__}
    if arguments.json:
        print(json.dumps({"machine": machine, "results": [asdict(result) for result in results]}, indent=1))
    else:
        print(", ".join(f"{name} {value}" for name, value in machine.items()))
        print(table(results))


def read_labels(path: Path, limit: int | None = None) -> tuple[list[Pixels], Labels, Labels]:
    """Read images `[h, w, 3]`, whether each has text, and whether its ink is square rather than wide."""
    rows = pq.read_table(path, columns=["png", "has_text", "ink_aspect"]).to_pylist()
    if limit is not None:
        rows = [rows[index] for index in np.random.default_rng(0).permutation(len(rows))[:limit]]
    images = [np.asarray(Image.open(io.BytesIO(row["png"])).convert("RGB")) for row in rows]
    has_text = np.array([row["has_text"] for row in rows], bool)
    square = np.array([SQUARE[0] <= row["ink_aspect"] <= SQUARE[1] for row in rows], bool)
    return images, has_text, square


def measure(
    method: str,
    detector: Detector,
    images: list[Pixels],
    has_text: Labels,
    square: Labels,
    published: bool = False,
) -> list[Result]:
    """Time a detector and score it on all images and on the square ones; the published rule is the region map alone."""
    detector.detect(images[:8])  # the first call chooses its kernels
    start = time.perf_counter()
    detections = detector.detect(images)
    rate = len(images) / (time.perf_counter() - start)
    scores = np.array([detection.region if published else detection.score for detection in detections])
    return [
        evaluate(method, "all", scores, has_text, rate),
        evaluate(method, "square", scores[square], has_text[square], rate),
    ]


def evaluate(method: str, subset: str, scores: Scores, has_text: Labels, rate: float) -> Result:
    """AUC, and precision, recall and F1 at the threshold, with intervals over resampled images."""
    point = figures(scores, has_text)
    generator = np.random.default_rng(0)
    draws = generator.integers(0, len(scores), (RESAMPLES, len(scores)))
    low, high = np.nanpercentile([figures(scores[draw], has_text[draw]) for draw in draws], (2.5, 97.5), axis=0)
    auc, precision, recall, f1 = (Estimate(*map(float, triple)) for triple in zip(point, low, high, strict=True))
    return Result(method, subset, len(scores), int(has_text.sum()), auc, precision, recall, f1, rate)


def figures(scores: Scores, has_text: Labels) -> tuple[float, float, float, float]:
    """AUC (a tie counts half), precision, recall and F1 of "score at least the threshold"; nan where undefined."""
    positives, negatives = int(has_text.sum()), int((~has_text).sum())
    found = scores >= TEXT_THRESHOLD
    right = int((found & has_text).sum())
    ranks = stats.rankdata(scores)[has_text].sum()
    auc = (ranks - positives * (positives + 1) / 2) / (positives * negatives) if positives and negatives else np.nan
    precision = right / found.sum() if found.any() else np.nan
    recall = right / positives if positives else np.nan
    return auc, precision, recall, 2 * right / (found.sum() + positives) if found.any() or positives else np.nan


def table(results: Iterable[Result]) -> str:
    """Lay the results out for a terminal."""
    line = "{:<34} {:<7} {:>6} {:>5} {:<21} {:<21} {:<21} {:<21} {:>8}"
    rows = [line.format("method", "subset", "images", "text", "AUC", "precision", "recall", "F1", "images/s")]
    for r in results:
        estimates = (str(estimate) for estimate in (r.auc, r.precision, r.recall, r.f1))
        rows.append(line.format(r.method, r.subset, r.images, r.with_text, *estimates, f"{r.images_per_s:.2f}"))
    return "\n".join(rows)


if __name__ == "__main__":
    main()
