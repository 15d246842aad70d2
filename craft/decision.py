"""From a score to a decision: calibrated probabilities, what to expect of a threshold, where the screen may decide.

The probabilities were fitted to labelled logos by `craft.calibrate`, and hold for collections in which text is about as
common as there; elsewhere they still rank logos, and 0.5 is still the fair threshold between the two kinds of error.
"""

from __future__ import annotations

import functools
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Letters = Literal["symbols", "text"]
"""Whether a lone letter is a symbol, as most who train on logos want it, or text like any other."""

CALIBRATION = Path(__file__).with_name("calibration.json")
BOUNDS = Path(__file__).with_name("screen.json")
CLOSEST = 1e-3  # scores are kept so far from 0 and 1, where the logit ends


@dataclass(frozen=True)
class Expectation:
    """What a threshold on the probability gives, measured on logos that the calibration was not fitted to."""

    threshold: float
    precision: float
    recall: float


@dataclass(frozen=True)
class Calibration:
    """A logistic curve over the logit of a score (Platt 1999).

    Attributes:
        intercept: of the curve.
        slope: of the curve, positive.
        logos: how many labelled logos it was fitted to.
        with_text: how many of them have text.
        expected: cross-validated precision and recall by threshold, ascending.
    """

    intercept: float
    slope: float
    logos: int
    with_text: int
    expected: tuple[Expectation, ...]

    def probability(self, score: float) -> float:
        """Probability that a logo with this score, 0 to 1, has text."""
        return 1 / (1 + math.exp(-self.intercept - self.slope * logit(score)))

    def score(self, probability: float) -> float:
        """The score whose probability this is, the inverse of `probability`."""
        return 1 / (1 + math.exp((self.intercept - logit(probability, 0.0)) / self.slope))

    def expect(self, threshold: float) -> Expectation:
        """Precision and recall to expect where logos with at least this probability are dropped."""
        return min(self.expected, key=lambda known: abs(known.threshold - threshold))


@dataclass(frozen=True)
class Bounds:
    """Between which scores of the screen CRAFT is asked, and what is proven of the rest.

    Attributes:
        canvas: CRAFT's canvas that the screen was distilled at.
        lowest: least threshold on CRAFT's score for which the bounds hold.
        highest: largest such threshold.
        low: up to this score of the screen there is no text.
        high: from this score on there is.
        held_out: pictures on which the bounds were chosen; the screen was not trained on them.
        decided: how many of those the screen decides.
        wrong: how many of the decided ones CRAFT may decide otherwise, at some threshold between lowest and highest.
        error: the share of all pictures that is decided otherwise, at most, with 95 % confidence.
    """

    canvas: int
    lowest: float
    highest: float
    low: float
    high: float
    held_out: int
    decided: int
    wrong: int
    error: float

    def verdict(self, screen: float) -> bool | None:
        """Whether there is text, by a score of the screen; None where CRAFT has to say."""
        return screen >= self.high if not self.low < screen < self.high else None

    def tempered(self, probability: float, by: str) -> float:
        """A probability, which was calibrated for CRAFT's scores, with the doubt that belongs to the screen's.

        The screen is taken to be wrong as often as it was on held-out pictures (rule of succession, Laplace 1814).
        """
        doubt = (self.wrong + 1) / (self.decided + 2) if by == "screen" else 0.0
        return min(max(probability, doubt), 1 - doubt)


@functools.cache
def load_calibration(letters: Letters = "symbols", path: Path = CALIBRATION) -> Calibration:
    """The fitted curve for a policy on lone letters."""
    values = json.loads(path.read_text())[letters]
    return Calibration(**{**values, "expected": tuple(Expectation(*row) for row in values["expected"])})


@functools.cache
def load_bounds(path: Path = BOUNDS) -> Bounds:
    """Where the screen may decide."""
    return Bounds(**json.loads(path.read_text()))


def proven_thresholds(letters: Letters = "symbols") -> tuple[float, float]:
    """The lowest and the highest threshold on the probability for which the bounds hold."""
    bounds, calibration = load_bounds(), load_calibration(letters)
    return calibration.probability(bounds.lowest), calibration.probability(bounds.highest)


def logit(share: float, closest: float = CLOSEST) -> float:
    """log(p / (1 - p)), of a share kept away from 0 and 1."""
    kept = min(max(share, closest), 1 - closest)
    return math.log(kept / (1 - kept))
