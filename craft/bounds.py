"""Where the screen may decide alone: bounds whose error is proven on held-out pictures.

The share of pictures that the screen decides and CRAFT decides otherwise can only grow as the bounds move inward. So
the innermost bounds whose upper confidence limit stays within the allowed error hold with that confidence, although
they were chosen on the same pictures (risk-controlling prediction sets, Bates et al. 2021, theorem 1).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Scores = NDArray[np.float64]
CONFIDENCE = 0.95


def choose_bounds(screen: Scores, craft: Scores, band: tuple[float, float], error: float) -> tuple[float, float]:
    """Choose up to which score of the screen there is no text, and from which on there is.

    Args:
        screen: the screen's scores `[N]` of held-out pictures.
        craft: CRAFT's, 0 to 1.
        band: the lowest and the highest threshold on CRAFT's score for which the decision must be CRAFT's.
        error: share of all pictures that may be decided otherwise, half of it on either side.

    Returns:
        low and high. Where not even the outermost bound is proven, it is minus or plus infinity: CRAFT sees those.
    """
    low = -_lowest(-screen, craft >= band[0], error / 2)
    high = _lowest(screen, craft < band[1], error / 2)
    return low, max(low, high)


def upper_limit(wrong: int, of: int, confidence: float) -> float:
    """Largest share at which so few errors are still as likely as 1 - confidence (Clopper and Pearson 1934)."""
    return 1.0 if wrong >= of else float(stats.beta.ppf(confidence, wrong + 1, of - wrong))


def lower_limit(wrong: int, of: int, confidence: float) -> float:
    """Smallest share at which so many errors are still as likely as 1 - confidence (Clopper and Pearson 1934)."""
    return 0.0 if wrong == 0 else float(stats.beta.ppf(1 - confidence, wrong, of - wrong + 1))


def _lowest(scores: Scores, wrong: NDArray[np.bool_], error: float) -> float:
    """The least score from which on, upwards, the wrong ones are proven to be few enough; infinity if there is none."""
    side = 1 - (1 - CONFIDENCE) / 2  # so that both sides together keep the confidence
    too_many = next(count for count in range(len(scores) + 1) if upper_limit(count, len(scores), side) > error)
    if too_many == 0:
        return np.inf
    order = np.argsort(-scores, kind="stable")
    mistakes = np.cumsum(wrong[order])
    first_left = int(np.searchsorted(mistakes, too_many))  # the picture that would be one mistake too many
    return -np.inf if first_left == len(scores) else float(np.nextafter(scores[order[first_left]], np.inf))
