"""Fit the probabilities of `craft.decision` to labelled logos: `python -m craft.calibrate [--labels FILE]`.

FILE is a Parquet table with the columns png (bytes), has_text, and kind (text, symbol, letter).
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold

from craft.decision import CALIBRATION, logit
from craft.detection import Detector, supports_bfloat16
from craft.letterbox import Pixels

FOLDS, REPEATS = 5, 10
THRESHOLDS = np.arange(1, 100) / 100
LABELS = Path("data/sample/text_labels.parquet")

Scores = NDArray[np.float64]
Labels = NDArray[np.bool_]


def main() -> None:
    """Score the labelled logos, fit a curve for each policy on lone letters, and write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=Path, default=LABELS)
    arguments = parser.parse_args()

    rows = pq.read_table(arguments.labels).to_pylist()
    found = Detector(dtype="bfloat16" if supports_bfloat16() else "float32").detect(
        [read_logo(row["png"]) for row in rows]
    )
    text = np.array([row["has_text"] for row in rows])
    letter = np.array([row["kind"] == "letter" for row in rows])
    fitted = {
        "symbols": fit(np.array([detection.score for detection in found]), text),
        "text": fit(np.array([detection.region for detection in found], float), text | letter),
    }
    CALIBRATION.write_text(json.dumps(fitted) + "\n")


def read_logo(png: bytes) -> Pixels:
    """A labelled logo, `[h, w, 3]`."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def fit(scores: Scores, has_text: Labels) -> dict[str, object]:
    """The curve over all logos, and what its thresholds give on logos that it was not fitted to."""
    intercept, slope = curve(scores, has_text)
    apart = cross_validated(scores, has_text)
    expected = [(threshold, *precision_and_recall(apart, has_text, threshold)) for threshold in THRESHOLDS.tolist()]
    return {
        "intercept": round(intercept, 4),
        "slope": round(slope, 4),
        "logos": len(scores),
        "with_text": int(has_text.sum()),
        "expected": [tuple(round(value, 4) for value in row) for row in expected],
    }


def curve(scores: Scores, has_text: Labels) -> tuple[float, float]:
    """Intercept and slope of the logistic curve over the logit of scores."""
    model = LogisticRegression(C=1e3).fit(logits(scores), has_text)
    return float(model.intercept_[0]), float(model.coef_[0, 0])


def cross_validated(scores: Scores, has_text: Labels, judged: Scores | None = None) -> NDArray[np.float64]:
    """Probabilities `[repeats, N]`, each from curves fitted to the other folds.

    Args:
        scores: of the logos `[N]`, which the curves are fitted to.
        has_text: their labels.
        judged: scores of the same logos that become probabilities; None = `scores`.
    """
    judged = scores if judged is None else judged
    probabilities = np.full((REPEATS, len(scores)), np.nan)
    folds = RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=REPEATS, random_state=0).split(scores, has_text)
    for number, (rest, fold) in enumerate(folds):
        intercept, slope = curve(scores[rest], has_text[rest])
        probabilities[number // FOLDS, fold] = 1 / (1 + np.exp(-intercept - slope * logits(judged[fold])[:, 0]))
    assert not np.isnan(probabilities).any()
    return probabilities


def precision_and_recall(probabilities: Scores, has_text: Labels, threshold: float) -> tuple[float, float]:
    """Of "probability at least the threshold", over all repeats; precision is 1 where nothing is found."""
    found = probabilities >= threshold
    right = (found & has_text).sum()
    return float(right / found.sum()) if found.any() else 1.0, float(right / (found.shape[0] * has_text.sum()))


def logits(scores: Scores) -> Scores:
    """Column `[N, 1]` of the logits of scores."""
    vectorised: Callable[[Scores], Scores] = np.vectorize(logit, otypes=[float])
    return vectorised(scores)[:, None]


if __name__ == "__main__":
    main()
