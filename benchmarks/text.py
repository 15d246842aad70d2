"""Text detection on labelled logos: how well and how fast, as published, as shipped, and by others.

    python -m benchmarks.text [--labels PATH] [--limit N] [--slow N] [--ablation] [--json]

PATH is a Parquet file with the columns png (bytes), has_text and ink_aspect (width over height of the inked box).
Wordmarks are wide, so the figures also stand for the square subset alone, where shape does not give the text away.

Nothing is quoted on data it was tuned on: the curve from scores to probabilities is fitted to the other folds of a
repeated cross-validation, the screen was trained and bounded on other logos, and the published rule and rapidocr's are
used with their published thresholds. Intervals are 95 % bootstrap intervals over logos; differences are paired.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from scipy import stats

from benchmarks.rapidocr import RapidOcr
from craft.calibrate import LABELS, cross_validated, read_logo
from craft.cascade import Cascade
from craft.detection import Detection, Detector, Dtype, supports_bfloat16
from craft.letterbox import Pixels

SQUARE = (0.55, 1.8)  # ink_aspect
RESAMPLES = 1000
PUBLISHED = 0.7  # text_threshold
LONG_SIDE = 1280  # of craft-text-detector
UNSURE = (0.2, 0.9)  # scores of ours that a second look could change
Scores = NDArray[np.float64]
Labels = NDArray[np.bool_]
Detect = Callable[[list[Pixels]], list[Detection]]


@dataclass(frozen=True)
class Logos:
    """Labelled logos, and which of them are square rather than wide."""

    images: list[Pixels]
    has_text: Labels
    square: Labels


@dataclass(frozen=True)
class Answers:
    """What a method says of every logo.

    Attributes:
        scores: `[N]`, for the ranking.
        found: `[R, N]` whether it has text, for each repeat of the cross-validation.
        images_per_s: how fast.
    """

    scores: Scores
    found: Labels
    images_per_s: float


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
    """One line of the table: a method on a subset of the images, or the difference of two."""

    method: str
    subset: str
    auc: Estimate | None
    precision: Estimate | None
    recall: Estimate | None
    f1: Estimate | None
    images_per_s: float | None = None


def main() -> None:
    """Run the methods and print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=Path, default=LABELS, help="Parquet file of labelled logos")
    parser.add_argument("--limit", type=int, help="a random sample of so many logos, always the same")
    parser.add_argument("--slow", type=int, default=6, help="logos on which craft-text-detector's way is timed")
    parser.add_argument("--ablation", action="store_true", help="what each part of ours brings, in place of the others")
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    arguments = parser.parse_args()

    logos = read_labels(arguments.labels, arguments.limit)
    dtype: Dtype = "bfloat16" if supports_bfloat16() else "float32"
    published = by_region("CRAFT as published, 256 px, float32", Detector(border=0.0), logos)
    methods = ablation(dtype, logos) if arguments.ablation else rivals(dtype, logos, arguments.slow)
    answers = dict([published, *methods])
    first = published[1]
    results = [result for name, found in answers.items() for result in measure(name, found, logos)]
    gains = [
        gain for name, found in answers.items() if found is not first for gain in compare(name, found, first, logos)
    ]

    machine = {"threads": torch.get_num_threads(), "load": os.getloadavg()[0], "torch": torch.__version__}
    if arguments.json:
        found = {"machine": machine, "results": results, "gains over published": gains}
        print(json.dumps(found, indent=1, default=asdict))
    else:
        print(
            f"{len(logos.images)} logos, {logos.has_text.sum()} with text; {logos.square.sum()} of them square, ",
            end="",
        )
        print(f"{(logos.has_text & logos.square).sum()} with text. {machine}\n\n{table(results)}")
        print(f"\nDifferences to CRAFT as published, paired\n{table(gains)}")


def rivals(dtype: Dtype, logos: Logos, slow: int) -> Iterator[tuple[str, Answers]]:
    """Ours, and what others use."""
    craft = Detector(dtype=dtype)
    alone = by_score(f"CRAFT as shipped, {dtype}", craft.detect, logos)
    yield alone
    yield by_score("the cascade", Cascade(craft).detect, logos, curve_of=alone[1].scores)
    yield by_rapidocr(logos)
    yield by_region("craft-text-detector's way, 1280 px", Detector(LONG_SIDE, border=0.0, batch=1), logos, slow)


def ablation(dtype: Dtype, logos: Logos) -> Iterator[tuple[str, Answers]]:
    """One thing changed at a time, and what might be added: a second look at the logos that the first is unsure of."""
    craft = Detector(dtype=dtype)
    yield by_region("+ border of the background", craft, logos)
    shipped = by_score("+ affinity in the score, calibrated: as shipped", craft.detect, logos)
    yield shipped
    yield by_score("as shipped without border", Detector(border=0.0, dtype=dtype).detect, logos)
    yield by_score("as shipped in float32", Detector().detect, logos)
    for canvas in (128, 192):
        yield by_score(f"as shipped at {canvas} px", Detector(canvas, dtype=dtype).detect, logos)
    larger = by_score("as shipped at 384 px", Detector(384, dtype=dtype).detect, logos)
    yield larger
    inverted = by_score("as shipped, colours inverted", lambda images: craft.detect([255 - i for i in images]), logos)
    yield inverted
    for name, (_, second) in {"384 px": larger, "inverted colours": inverted}.items():
        yield f"+ {name} for the unsure", second_look(shipped[1], second, logos)


def second_look(first: Answers, second: Answers, logos: Logos) -> Answers:
    """The geometric mean of two methods' scores where the first is between clear no and clear yes."""
    unsure = (first.scores > UNSURE[0]) & (first.scores < UNSURE[1])
    scores = np.where(unsure, np.sqrt(first.scores * second.scores), first.scores)
    seconds = 1 / first.images_per_s + unsure.mean() / second.images_per_s
    return Answers(scores, cross_validated(scores, logos.has_text) >= 0.5, 1 / seconds)


def read_labels(path: Path, limit: int | None = None) -> Logos:
    """Read the labelled logos, or a sample of them."""
    rows = pq.read_table(path, columns=["png", "has_text", "ink_aspect"]).to_pylist()
    if limit is not None:
        rows = [rows[index] for index in np.random.default_rng(0).permutation(len(rows))[:limit]]
    return Logos(
        [read_logo(row["png"]) for row in rows],
        np.array([row["has_text"] for row in rows], bool),
        np.array([SQUARE[0] <= row["ink_aspect"] <= SQUARE[1] for row in rows], bool),
    )


def timed(detect: Detect, images: list[Pixels]) -> tuple[list[Detection], float]:
    """What a detector finds, and in how many images a second; its first call, which chooses kernels, is not timed."""
    detect(images[:8])
    start = time.perf_counter()
    found = detect(images)
    return found, len(images) / (time.perf_counter() - start)


def by_region(name: str, detector: Detector, logos: Logos, limit: int | None = None) -> tuple[str, Answers]:
    """The published rule: the highest region score, and its threshold. Only timed where there is a limit."""
    detections, rate = timed(detector.detect, logos.images[:limit])
    scores = np.array([detection.region for detection in detections], float)
    return name, Answers(scores, (scores >= PUBLISHED)[None], rate)


def by_score(name: str, detect: Detect, logos: Logos, curve_of: Scores | None = None) -> tuple[str, Answers]:
    """Our rule: a probability of at least a half, by curves fitted to other logos.

    Args:
        name: of the method.
        detect: finds text.
        logos: the labelled ones.
        curve_of: the scores that the curves are fitted to; None = the method's own.
    """
    detections, rate = timed(detect, logos.images)
    scores = np.array([detection.score for detection in detections])
    fitted_to = scores if curve_of is None else curve_of
    return name, Answers(scores, cross_validated(fitted_to, logos.has_text, scores) >= 0.5, rate)


def by_rapidocr(logos: Logos) -> tuple[str, Answers]:
    """The detector of rapidocr at the same size, with its own threshold on its best box."""
    detector = RapidOcr(256)
    start = time.perf_counter()
    scores = np.array([detector.best_box(image) for image in logos.images])
    rate = len(scores) / (time.perf_counter() - start)
    return "rapidocr's detector, 256 px", Answers(scores, (scores >= detector.threshold)[None], rate)


def measure(name: str, answers: Answers, logos: Logos) -> Iterator[Result]:
    """The figures of a method on all logos and on the square ones."""
    for subset, rows in subsets(answers, logos):
        draws = resampled(rows)
        has_text = logos.has_text
        point = figures(answers, has_text, rows)
        spread = np.array([figures(answers, has_text, draw) for draw in draws])
        yield Result(name, subset, *estimates(point, spread), images_per_s=answers.images_per_s)
    if len(answers.scores) < len(logos.images):  # only timed
        yield Result(name, f"{len(answers.scores)} logos", None, None, None, None, answers.images_per_s)


def compare(name: str, ours: Answers, theirs: Answers, logos: Logos) -> Iterator[Result]:
    """Our figures less theirs on the same resampled logos."""
    for subset, rows in subsets(ours, logos):
        has_text = logos.has_text

        def difference(draw: NDArray[np.intp], has_text: Labels = has_text) -> Scores:
            return figures(ours, has_text, draw) - figures(theirs, has_text, draw)

        yield Result(name, subset, *estimates(difference(rows), np.array([difference(d) for d in resampled(rows)])))


def subsets(answers: Answers, logos: Logos) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """All logos and the square ones; none where not all were looked at."""
    if len(answers.scores) == len(logos.images):
        yield "all", np.arange(len(logos.images))
        yield "square", np.flatnonzero(logos.square)


def resampled(rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Draws with replacement, the same for every method."""
    return rows[np.random.default_rng(0).integers(0, len(rows), (RESAMPLES, len(rows)))]


def figures(answers: Answers, has_text: Labels, rows: NDArray[np.intp]) -> Scores:
    """AUC (a tie counts half), precision, recall and F1 over some logos; nan where undefined."""
    text, found = has_text[rows], answers.found[:, rows]
    positives, negatives = int(text.sum()), int((~text).sum())
    ranks = stats.rankdata(answers.scores[rows])[text].sum()
    auc = (ranks - positives * (positives + 1) / 2) / (positives * negatives) if positives and negatives else np.nan
    right, repeats = int((found & text).sum()), len(found)
    precision = right / found.sum() if found.any() else np.nan
    recall = right / (repeats * positives) if positives else np.nan
    return np.array([auc, precision, recall, 2 * right / max(1, found.sum() + repeats * positives)])


def estimates(point: Scores, spread: Scores) -> tuple[Estimate, Estimate, Estimate, Estimate]:
    """The four figures with the intervals of their resampled values `[RESAMPLES, 4]`."""
    low, high = np.nanpercentile(spread, (2.5, 97.5), axis=0)
    auc, precision, recall, f1 = (Estimate(*map(float, triple)) for triple in zip(point, low, high, strict=True))
    return auc, precision, recall, f1


def table(results: Iterable[Result]) -> str:
    """Lay the results out for a terminal."""
    line = "{:<48} {:<8} {:<23} {:<23} {:<23} {:<23} {:>8}"
    rows = [line.format("method", "subset", "AUC", "precision", "recall", "F1", "images/s")]
    for r in results:
        rate = "" if r.images_per_s is None else f"{r.images_per_s:.2f}"
        rows.append(
            line.format(
                r.method, r.subset, *("" if e is None else str(e) for e in (r.auc, r.precision, r.recall, r.f1)), rate
            )
        )
    return "\n".join(rows)


if __name__ == "__main__":
    main()
