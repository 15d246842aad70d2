"""How well `logoflow check` finds planted copies, and how often it suspects logos that have none.

    python -m benchmarks.originality [IMAGES...] [--encoder FILE] [--samples N] [--held-out N] [--sheet FILE] [--json]

IMAGES are Parquet files with the columns name, "set:brand", and image; data/full/*.parquet when left out. Every logo is
first drawn at a random size of 48 to 256 px. Logos whose brand stands once in the sets are held out: whatever they are
taken for is a false alarm, unless same_marks.csv lists them. These show the mark of another logo under another name,
such as floodio and flood: a person looked at what was suspected, and agreed. They are set aside, and the sheet shows
all others that are suspected. Of some of the other logos a copy of each kind is planted: smaller, JPEG, both, shifted,
padded, cropped, blurred, with few colours, in other colours, without colours, mirrored. One is found when it is taken
for its own logo, or for another drawing of its brand.

Printed is what `logoflow check` finds with its tolerances as they are, and what it would find with tolerances chosen on
one half of the held-out logos and of those that were copied: those that find the most with at most half a per cent of
false alarms. The first are measured on all, the second on the other half; the sheet is of the first.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.dedup import FULL, SEED, read_logos
from benchmarks.hard_pairs import brand_of
from data.images import Pixels
from data.sheets import contact_sheet
from moco.encoder import Encoder, load_encoder
from moco.shipped import ENCODER
from neighbours.calibration import LEAST_SIDE, RECOLOURED, SCALES
from neighbours.copies import DISGUISES, KINDS, make_copy, recolour
from neighbours.likeness import COLOURLESS, PLAIN, Likeness, Looked, Rules, View, look
from tasks.describe import view

ASKED = ("jpeg", "resized", "resized+jpeg", "shifted", RECOLOURED)  # of the target
SAME_MARKS = Path(__file__).with_name("same_marks.csv")
STEPS = (0.3, 0.4, 0.5, *SCALES)  # of the tolerances, that are tried
ALARMS = 0.005  # share of the held-out logos that choose, that may be suspected

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Planted:
    """A copy of a logo, by its row and kind."""

    row: int
    kind: str
    pixels: Pixels


@dataclass(frozen=True)
class Result:
    """What was found.

    Attributes:
        rules: scales of the usual tolerance, for pixels and for pixels whose colours are matched.
        recall: of planted copies of the kinds asked for, at least 32 px large.
        alarms: share of the held-out logos that are suspected.
        by_kind: share of each kind that is found.
        alarms_by_kind: held-out logos that are suspected, by what they are taken for.
        set_aside: held-out logos that show the mark of another, as listed.
        planted: copies that were looked for.
        held_out: logos without a copy that were looked for.
        images_per_s: pictures described and looked for in a second.
    """

    rules: tuple[float, float]
    recall: float
    alarms: float
    by_kind: dict[str, float]
    alarms_by_kind: dict[str, int]
    set_aside: int
    planted: int
    held_out: int
    images_per_s: float


def main() -> None:
    """Plant the copies, look for them, print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path, nargs="*")
    parser.add_argument("--encoder", type=Path, default=ENCODER)
    parser.add_argument("--samples", type=int, default=200, help="logos that copies are made of")
    parser.add_argument("--held-out", type=int, default=1000, help="logos without a copy")
    parser.add_argument("--sheet", type=Path, help="image file for the false alarms and the copies missed")
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    given = parser.parse_args()

    names, logos = read_logos(given.images or sorted(FULL.glob("*.parquet")))
    held_out, known = split(names, given.held_out)
    encoder = load_encoder(given.encoder)
    training = view([logos[row] for row in known], encoder)
    planted = plant(logos, known, given.samples)
    pictures = [copy.pixels for copy in planted] + [logos[row] for row in held_out]

    start = time.perf_counter()
    looked = search(pictures, training, encoder)
    rate = len(pictures) / (time.perf_counter() - start)
    trial = Trial(names, planted, held_out, known, looked)
    everything = np.ones(len(pictures), bool)
    results = {
        "as they are": trial.measured(Rules(), everything, rate),
        "chosen": trial.measured(trial.best(), ~trial.choosing, rate),
    }
    if given.sheet is not None:
        trial.show(Rules(), pictures, [logos[row] for row in known], given.sheet)
    if given.json:
        print(json.dumps({name: vars(result) for name, result in results.items()}))
        return
    for name, result in results.items():
        print_result(name, result)


def split(names: Sequence[str], count: int) -> tuple[Rows, Rows]:
    """Rows of logos that are held out, whose brands stand once in the sets, and of all others."""
    brands, counts = np.unique([brand_of(name) for name in names], return_counts=True)
    alone = set(brands[counts == 1].tolist())
    single = np.array([row for row, name in enumerate(names) if brand_of(name) in alone])
    held_out = np.sort(np.random.default_rng(SEED).permutation(single)[:count])
    return held_out, np.setdiff1d(np.arange(len(names)), held_out)


def plant(logos: Sequence[Pixels], known: Rows, samples: int) -> list[Planted]:
    """A copy of each kind of some of the known logos."""
    planted = []
    for row in np.random.default_rng(SEED).permutation(known)[:samples].tolist():
        random = np.random.default_rng((SEED, row))
        made = {kind: make_copy(logos[row], kind, random) for kind in (*KINDS, *DISGUISES)}
        if (changed := recolour(logos[row], random)) is not None:
            made[RECOLOURED] = changed
        planted += [Planted(row, kind, pixels) for kind, pixels in made.items() if max(pixels.shape[:2]) >= LEAST_SIDE]
    return planted


def search(pictures: Sequence[Pixels], training: View, encoder: Encoder) -> Looked:
    """Everything as `logoflow check` looks at it."""
    views = [view(pictures, encoder), view([picture[:, ::-1] for picture in pictures], encoder)]
    logos = training.described
    return look(views, logos.vectors, training.outlines, lambda rows: (logos.thumbnails[rows], logos.sizes[rows]))


class Trial:
    """Which pictures were found, for any rules.

    Args:
        names: of all logos.
        planted: the first pictures.
        held_out: rows of the logos that are the last pictures.
        known: rows of the logos among which they were looked for.
        looked: the pairs that were looked at.
    """

    def __init__(
        self, names: Sequence[str], planted: Sequence[Planted], held_out: Rows, known: Rows, looked: Looked
    ) -> None:
        self.planted, self.looked = planted, looked
        _, brands = np.unique([brand_of(name) for name in names], return_inverse=True)
        own = np.array([copy.row for copy in planted] + held_out.tolist())
        self.right = brands[own][looked.picture] == brands[known][looked.logo]
        self.kinds = np.array([copy.kind for copy in planted] + [""] * len(held_out))
        self.names = [names[row] for row in own]
        self.logos = [names[row] for row in known]
        place = np.append(np.unique(own[: len(planted)], return_inverse=True)[1], np.arange(len(held_out)))
        self.choosing = place % 2 == 0
        self.free = self.kinds == ""
        with SAME_MARKS.open() as file:
            listed = {row["held_out"] for row in csv.DictReader(file)}
        self.twice = self.free & np.isin(self.names, list(listed))
        self.free &= ~self.twice

    def taken(self, rules: Rules) -> NDArray[np.int64]:
        """The surest likeness of each picture: of copies to their own logo, of held-out ones to any."""
        kind, found = self.looked.judged(rules), np.zeros(len(self.kinds), np.int64)
        counts = self.right | (self.kinds[self.looked.picture] == "")
        np.maximum.at(found, self.looked.picture[counts], kind[counts])
        return found

    def best(self) -> Rules:
        """The rules that find the most of what is asked for, by the half that chooses."""
        asked, free = self.choosing & np.isin(self.kinds, ASKED), self.choosing & self.free
        best, reached = Rules(), (-1.0, -1.0)
        for plain, colourless in product(STEPS, STEPS):
            rules = scaled(plain, colourless)
            suspected = self.taken(rules) > 0
            alarms, recall = float(suspected[free].mean()), float(suspected[asked].mean())
            value = (recall, -alarms) if alarms <= ALARMS else (-alarms, -alarms)
            if value > reached:
                best, reached = rules, value
        return best

    def measured(self, rules: Rules, rest: NDArray[np.bool_], rate: float) -> Result:
        """What these rules give on some of the pictures."""
        taken = self.taken(rules)
        free = taken[rest & self.free]
        return Result(
            rules=(rules.plain.colour / PLAIN.colour, rules.colourless.colour / COLOURLESS.colour),
            recall=float((taken[rest & np.isin(self.kinds, ASKED)] > 0).mean()),
            alarms=float((free > 0).mean()),
            by_kind={
                kind: float((taken[rest & (self.kinds == kind)] > 0).mean())
                for kind in (*KINDS, *DISGUISES, RECOLOURED)
            },
            alarms_by_kind={kind.name.lower(): int((free == kind).sum()) for kind in Likeness if kind},
            set_aside=int((rest & self.twice).sum()),
            planted=int((rest & (self.kinds != "")).sum()),
            held_out=len(free),
            images_per_s=rate,
        )

    def show(self, rules: Rules, pictures: Sequence[Pixels], logos: Sequence[Pixels], path: Path) -> None:
        """Write a contact sheet: false alarms and copies missed, each beside the logo in question."""
        kind, taken = self.looked.judged(rules), self.taken(rules)
        images: list[Pixels] = []
        captions: list[str] = []
        alarms = np.flatnonzero(self.free & (taken > 0))
        for n in alarms.tolist():
            pair = np.flatnonzero((self.looked.picture == n) & (kind == taken[n]))[0]
            images += [pictures[n], logos[self.looked.logo[pair]]]
            captions += [
                self.names[n].split(":")[1],
                f"{Likeness(kind[pair]).name.lower()} {self.logos[self.looked.logo[pair]].split(':')[1]}",
            ]
        for n in np.flatnonzero(np.isin(self.kinds, ASKED) & (taken == 0)).tolist():
            own = self.logos.index(self.names[n])
            images += [pictures[n], logos[own]]
            captions += [f"missed: {self.kinds[n]}", self.names[n].split(":")[1]]
        contact_sheet(images[:240], 12, 96, captions[:240]).save(path)


def scaled(plain: float, colourless: float) -> Rules:
    """The usual rules with tolerances so many times as large."""
    return Rules(PLAIN.scaled(plain), COLOURLESS.scaled(colourless))


def print_result(name: str, result: Result) -> None:
    """The figures in words."""
    print(f"\n{result.planted} planted copies, {result.held_out} held-out logos; tolerances {name}: {result.rules}")
    print(f"found of {', '.join(ASKED)}: {result.recall:.4f}")
    print(f"false alarms: {result.alarms:.4f}, taken for {result.alarms_by_kind}; set aside {result.set_aside}")
    for kind, share in result.by_kind.items():
        print(f"  {kind:<14} {share:.4f}")
    print(f"{result.images_per_s:.0f} pictures/s")


if __name__ == "__main__":
    main()
