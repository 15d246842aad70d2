"""How well copies are found: ours, perceptual hashes, and plain MoCo v2, on copies made of the full sample set.

    python -m benchmarks.dedup [IMAGES...] [--encoder FILE] [--rivals NAME=FILE...] [--samples N] [--sheet FILE]

IMAGES are Parquet files with the columns name, "set:brand", and image; data/full/*.parquet when left out. Every logo is
first drawn at a random size of 48 to 256 px, as logos lie around. Of some a copy of each kind is made
(`neighbours.copies`) and a recoloured logo, which is no copy; each is looked for among all logos. A pair found is right
when the logo is the copy's own, wrong when it is another one's or the copy is a recoloured one. Drawings of one brand
count neither way, since the sets draw many brands more than once: `hard_pairs` says which are one.

Two kinds of hard negatives are pairs of the logos themselves, and told apart, because nobody labelled them: drawings of
one brand from two sets, some of which are one drawing; and the pairs of logos of different brands that are most alike
by raw pixels, some of which are one brand under two names.

Ours takes its thresholds from `neighbours.calibration` on other logos than those that are measured. The thresholds of
the others are those that suit them best here: the largest recall at a precision of 0.99, else the best F1. The encoder
that ships was trained on these very logos, though not on these copies: how it does on unseen logos is not measured.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

from benchmarks.hard_pairs import brand_of, lookalikes, redesigned
from data.images import ADMITTED, Pixels, decode, flatten
from data.sheets import contact_sheet
from moco.encoder import load_encoder
from moco.shipped import ENCODER
from neighbours.calibration import LEAST_SIDE, RECOLOURED, Calibration, Trial, calibrate, make_trials
from neighbours.comparison import compare
from neighbours.copies import KINDS
from neighbours.search import search
from tasks.describe import describe

FULL = Path("data/full")
SIDES = (48, 256)
SEED = 0
NEIGHBOURS = 16
PRECISION = 0.99
LOW_RESOLUTION = ("resized", "resized+jpeg")
REDESIGNED, NEAR_IDENTICAL = "one brand, two sets", "alike, two brands"  # kinds of hard pairs

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Pairs:
    """Pairs of a trial and a logo that a method proposes, the surest first.

    Attributes:
        trial: `[P]`.
        logo: `[P]`.
        sureness: descending, `[P]`.
    """

    trial: NDArray[np.int64]
    logo: NDArray[np.int64]
    sureness: NDArray[np.float64]


@dataclass(frozen=True)
class Result:
    """One line of the table.

    Attributes:
        method: its name.
        threshold: on what it is sure of; None for ours, which was set on other logos.
        precision: share of the pairs found that are right.
        recall: share of the copies of at least 32 px whose logo was found.
        top1: share of the low-resolution copies whose nearest logo is their own.
        recolours: recoloured logos that were taken for copies.
        hard: pairs of logos that were taken for copies, by kind.
        by_kind: recall of each kind.
        images_per_s: trials described and looked for in a second.
    """

    method: str
    threshold: float | None
    precision: float
    recall: float
    top1: float
    recolours: int
    hard: dict[str, int]
    by_kind: dict[str, float]
    images_per_s: float


@dataclass(frozen=True)
class Field:
    """What is searched: the logos and the trials.

    Attributes:
        names: of the logos, "set:brand".
        logos: their pictures.
        trials: made of some of them.
        hard: rows of pairs of logos, by kind.
    """

    names: Sequence[str]
    logos: Sequence[Pixels]
    trials: Sequence[Trial]
    hard: dict[str, tuple[Rows, Rows]]

    def judge(self, trial: NDArray[np.int64], logo: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which pairs are right and which are wrong; some are neither."""
        brands = np.array([brand_of(name) for name in self.names])
        own = np.array([one.row for one in self.trials])[trial]
        copy = np.array([one.kind != RECOLOURED for one in self.trials])[trial]
        wanted = np.array([one.counts for one in self.trials])[trial]
        related = brands[own] == brands[logo]
        return copy & wanted & (own == logo), (~copy & (own == logo)) | ~related


def main() -> None:
    """Make the trials, run the methods, print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path, nargs="*")
    parser.add_argument("--encoder", type=Path, default=ENCODER, help="ours")
    parser.add_argument("--rivals", nargs="*", default=[], metavar="NAME=FILE", help="other encoders to compare with")
    parser.add_argument("--samples", type=int, default=500, help="logos that copies are made of")
    parser.add_argument("--sheet", type=Path, help="image file for the pairs that ours got wrong")
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    given = parser.parse_args()

    names, logos = read_logos(given.images or sorted(FULL.glob("*.parquet")))
    order = np.random.default_rng(SEED).permutation(len(logos))
    chosen, others = order[: given.samples], order[given.samples : given.samples + 200]
    trials = make_trials([logos[row] for row in chosen], chosen.tolist(), SEED)
    field = Field(names, logos, trials, {REDESIGNED: redesigned(names), NEAR_IDENTICAL: lookalikes(names, logos)})
    found, calibration, wrong = ours(field, others, given.encoder)
    results = [found, by_vectors("cosine of our vectors alone", field, given.encoder)]
    for name, _, file in (rival.partition("=") for rival in given.rivals):
        results.append(by_vectors(f"cosine of {name}", field, Path(file)))
    results.append(by_hashes(field))
    if given.sheet is not None:
        show(field, wrong, given.sheet)
    if given.json:
        print(json.dumps([asdict(result) for result in results]))
    else:
        print_table(field, results, calibration)


def read_logos(paths: Sequence[Path]) -> tuple[list[str], list[Pixels]]:
    """Names and pictures, RGB on white, each at a size of its own."""
    random = np.random.default_rng(SEED)
    names, logos = [], []
    for path in paths:
        for row in pq.read_table(path, columns=["name", "image"]).to_pylist():
            image = Image.fromarray(flatten(decode(row["image"]["bytes"], ADMITTED).pixels))
            image.thumbnail((int(random.integers(SIDES[0], SIDES[1] + 1)),) * 2, Image.Resampling.LANCZOS)
            names.append(row["name"])
            logos.append(np.array(image))
    return names, logos


def ours(field: Field, others: NDArray[np.int64], encoder: Path) -> tuple[Result, Calibration, list[tuple[int, int]]]:
    """Vectors propose and pixels decide, with thresholds from other logos; also which pairs are wrong or missing."""
    network = load_encoder(encoder)
    logos = describe(field.logos, network)
    practice = make_trials([field.logos[row] for row in others], others.tolist(), SEED + 1)
    described = describe([trial.pixels for trial in practice], network)
    calibration = calibrate(logos, practice, described, NEIGHBOURS, PRECISION)

    start = time.perf_counter()
    trials = describe([trial.pixels for trial in field.trials], network)
    near = search(logos.vectors, trials.vectors, NEIGHBOURS)
    trial, place = np.nonzero(near.similarities >= calibration.similarity)
    logo = near.indices[trial, place]
    same = compare(trials, logos, trial, logo, calibration.tolerance).within(calibration.tolerance)
    rate = len(field.trials) / (time.perf_counter() - start)
    pairs = Pairs(trial[same], logo[same], np.ones(int(same.sum())))
    hard = {}
    for kind, (first, second) in field.hard.items():
        alike = compare(logos, logos, first, second, calibration.tolerance).within(calibration.tolerance)
        hard[kind] = int((alike & (cosines(logos.vectors, first, second) >= calibration.similarity)).sum())
    result = evaluate("ours", field, pairs, None, rate, top1(field, near.indices[:, 0]), hard)
    right, wrong = field.judge(pairs.trial, pairs.logo)
    caught = set(pairs.trial[right].tolist())
    missed = [(n, one.row) for n, one in enumerate(field.trials) if one.counts and n not in caught]
    return result, calibration, [*zip(pairs.trial[wrong].tolist(), pairs.logo[wrong].tolist(), strict=True), *missed]


def by_vectors(name: str, field: Field, encoder: Path) -> Result:
    """Pairs by the cosine of their vectors alone."""
    network = load_encoder(encoder)
    logos = describe(field.logos, network)
    start = time.perf_counter()
    near = search(logos.vectors, describe([trial.pixels for trial in field.trials], network).vectors, NEIGHBOURS)
    rate = len(field.trials) / (time.perf_counter() - start)
    rows = np.repeat(np.arange(len(field.trials)), near.indices.shape[1])
    pairs = sorted_pairs(rows, near.indices.ravel(), near.similarities.ravel().astype(float))
    hard = {kind: cosines(logos.vectors, *sides) for kind, sides in field.hard.items()}
    return at_best(name, field, pairs, rate, top1(field, near.indices[:, 0]), hard)


def cosines(vectors: NDArray[np.float32], first: Rows, second: Rows) -> NDArray[np.float64]:
    """Cosine of each pair of rows, `[P]`."""
    return np.asarray(np.einsum("nd,nd->n", vectors[first], vectors[second]), np.float64)


def by_hashes(field: Field) -> Result:
    """Pairs by the Hamming distance of imagehash's pHash, 64 bits."""
    logos = np.array([hash_bits(picture) for picture in field.logos])
    start = time.perf_counter()
    trials = np.array([hash_bits(trial.pixels) for trial in field.trials])
    distances = np.stack([np.bitwise_count(logos ^ bits) for bits in trials])
    rate = len(trials) / (time.perf_counter() - start)
    rows, columns = np.nonzero(distances <= 20)
    pairs = sorted_pairs(rows, columns, -distances[rows, columns].astype(float))
    hard = {kind: -np.bitwise_count(logos[a] ^ logos[b]).astype(float) for kind, (a, b) in field.hard.items()}
    return at_best("pHash (imagehash)", field, pairs, rate, top1(field, distances.argmin(axis=1)), hard)


def hash_bits(picture: Pixels) -> np.uint64:
    """The 64 bits of a picture's pHash as one number."""
    from imagehash import phash  # of the extra bench

    bits: np.uint64 = np.packbits(phash(Image.fromarray(picture)).hash.ravel()).view(np.uint64)[0]
    return bits


def sorted_pairs(trial: NDArray[np.int64], logo: NDArray[np.int64], sureness: NDArray[np.float64]) -> Pairs:
    """Pairs, the surest first."""
    order = np.argsort(-sureness, kind="stable")
    return Pairs(trial[order], logo[order], sureness[order])


def top1(field: Field, nearest: Rows) -> float:
    """Share of the low-resolution copies of at least 32 px whose nearest logo is their own."""
    rows = [n for n, trial in enumerate(field.trials) if trial.kind in LOW_RESOLUTION and trial.counts]
    return float((nearest[rows] == np.array([trial.row for trial in field.trials])[rows]).mean())


def at_best(
    name: str, field: Field, pairs: Pairs, rate: float, retrieved: float, hard: dict[str, NDArray[np.float64]]
) -> Result:
    """The threshold with the most recall at the precision asked for, else with the best F1.

    `hard` is how sure the method is of the field's hard pairs.
    """
    right, wrong = (np.cumsum(side) for side in field.judge(pairs.trial, pairs.logo))
    wanted = sum(trial.counts for trial in field.trials)
    ends = np.flatnonzero(np.append(np.diff(pairs.sureness) != 0, True))  # between equals there is no threshold
    precision, recall = right[ends] / np.maximum(1, right[ends] + wrong[ends]), right[ends] / wanted
    fit = np.flatnonzero(precision >= PRECISION)
    f1 = 2 * precision * recall / np.maximum(1e-9, precision + recall)
    best = ends[fit[recall[fit].argmax()] if len(fit) else f1.argmax()]
    kept = Pairs(pairs.trial[: best + 1], pairs.logo[: best + 1], pairs.sureness[: best + 1])
    threshold = float(pairs.sureness[best])
    taken = {kind: int((sureness >= threshold).sum()) for kind, sureness in hard.items()}
    return evaluate(name, field, kept, threshold, rate, retrieved, taken)


def evaluate(
    name: str,
    field: Field,
    pairs: Pairs,
    threshold: float | None,
    rate: float,
    retrieved: float,
    hard: dict[str, int],
) -> Result:
    """The figures of the pairs that a method finds."""
    right, wrong = field.judge(pairs.trial, pairs.logo)
    found = np.zeros(len(field.trials), bool)
    found[pairs.trial[right]] = True
    members = {kind: [n for n, t in enumerate(field.trials) if t.kind == kind and t.counts] for kind in KINDS}
    recoloured = np.array([trial.kind == RECOLOURED for trial in field.trials])
    own = np.array([trial.row for trial in field.trials])
    return Result(
        name,
        threshold,
        precision=float(right.sum() / max(1, right.sum() + wrong.sum())),
        recall=float(found.sum() / sum(trial.counts for trial in field.trials)),
        top1=retrieved,
        recolours=int((recoloured[pairs.trial] & (own[pairs.trial] == pairs.logo)).sum()),
        hard=hard,
        by_kind={kind: float(found[rows].mean()) for kind, rows in members.items() if rows},
        images_per_s=rate,
    )


def show(field: Field, pairs: Sequence[tuple[int, int]], path: Path) -> None:
    """Write a contact sheet of pairs of a trial and a logo."""
    images = [picture for trial, logo in pairs[:96] for picture in (field.trials[trial].pixels, field.logos[logo])]
    captions = [
        caption
        for trial, logo in pairs[:96]
        for caption in (field.trials[trial].kind, "missed" if field.trials[trial].row == logo else field.names[logo])
    ]
    contact_sheet(images, 12, 96, captions).save(path)


def print_table(field: Field, results: Sequence[Result], calibration: Calibration) -> None:
    """A line for each method, and ours by kind."""
    counts: Callable[[str], int] = lambda kind: sum(t.kind == kind for t in field.trials)  # noqa: E731
    print(
        f"{len(field.logos)} logos; {sum(t.counts for t in field.trials)} copies of at least {LEAST_SIDE} px, "
        f"{counts(RECOLOURED)} recoloured\n"
    )
    counted = ", ".join(f"{len(first)} pairs of {kind}" for kind, (first, _) in field.hard.items())
    print(f"hard pairs: {counted}\n")
    line = "{:<28} {:>9} {:>9} {:>8} {:>8} {:>10} {:>21} {:>19} {:>9}"
    print(line.format("method", "threshold", "precision", "recall", "top-1", "recolours", *field.hard, "images/s"))
    for r in results:
        threshold = "" if r.threshold is None else f"{r.threshold:.3f}"
        print(
            line.format(
                r.method, threshold, f"{r.precision:.4f}", f"{r.recall:.4f}", f"{r.top1:.4f}", r.recolours,
                *r.hard.values(), f"{r.images_per_s:.0f}",
            )
        )  # fmt: skip
    print("\n" + " ".join(f"{kind:>13}" for kind in ("recall", *KINDS)))
    for r in results:
        print(" ".join([f"{r.method[:13]:>13}", *(f"{share:13.4f}" for share in r.by_kind.values())]))
    print(
        f"\nOurs, chosen on other logos: cosine {calibration.similarity:.3f}, tolerance {calibration.expected.scale} "
        f"times the usual; expected there: precision {calibration.expected.precision:.4f}, "
        f"recall {calibration.expected.recall:.4f}, {calibration.expected.doubtful} doubtful pairs"
    )


if __name__ == "__main__":
    main()
