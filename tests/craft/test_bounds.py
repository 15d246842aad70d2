"""The bounds of a look: the chosen error holds on fresh pictures as often as promised."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binom

from craft.bounds import choose_bounds, lower_limit, upper_limit

BAND = (0.5, 0.85)


def population(size: int, generator: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A student that is off by a normal error in the logit."""
    craft = generator.beta(0.15, 0.5, size)
    logit = np.log(np.clip(craft, 1e-6, 1 - 1e-6) / np.clip(1 - craft, 1e-6, 1))
    return 1 / (1 + np.exp(-logit - generator.normal(0, 2, size))), craft


def decided_otherwise(screen: NDArray[np.float64], craft: NDArray[np.float64], low: float, high: float) -> float:
    return float((((screen <= low) & (craft >= BAND[0])) | ((screen >= high) & (craft < BAND[1]))).mean())


@pytest.mark.parametrize(("wrong", "of"), [(0, 300), (1, 300), (7, 50)])
def test_the_upper_limit_is_the_share_at_which_so_few_errors_are_unlikely(wrong: int, of: int) -> None:
    limit = upper_limit(wrong, of, 0.95)
    assert binom.cdf(wrong, of, limit) == pytest.approx(0.05)


@pytest.mark.parametrize(("wrong", "of"), [(1, 300), (7, 50), (5, 5)])
def test_the_lower_limit_is_the_share_at_which_so_many_errors_are_unlikely(wrong: int, of: int) -> None:
    limit = lower_limit(wrong, of, 0.95)
    assert binom.sf(wrong - 1, of, limit) == pytest.approx(0.05)
    assert lower_limit(0, of, 0.95) == 0


def test_all_wrong_proves_nothing() -> None:
    assert upper_limit(5, 5, 0.95) == 1.0


def test_the_promise_holds_on_fresh_pictures_in_at_least_95_of_100_draws() -> None:
    generator = np.random.default_rng(0)
    fresh = population(400_000, generator)
    errors = [
        decided_otherwise(*fresh, *choose_bounds(*population(3000, generator), BAND, error=0.01)) for _ in range(200)
    ]
    assert np.mean(np.array(errors) > 0.01) <= 0.05
    assert np.mean(errors) > 0.001  # the bounds are not so far out that the promise is empty


def test_no_further_picture_could_be_decided() -> None:
    screen, craft = population(3000, np.random.default_rng(1))
    low, _ = choose_bounds(screen, craft, BAND, error=0.01)
    allowed = max(count for count in range(60) if upper_limit(count, 3000, 0.975) <= 0.005)
    assert ((screen <= low) & (craft >= BAND[0])).sum() == allowed
    next_one = screen[screen > low].min()
    assert ((screen <= next_one) & (craft >= BAND[0])).sum() == allowed + 1


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(5, 400))
def test_the_bounds_never_cross_and_ties_fall_on_the_side_of_craft(seed: int, size: int) -> None:
    generator = np.random.default_rng(seed)
    screen = generator.integers(0, 5, size) / 4
    craft = generator.random(size)
    low, high = choose_bounds(screen, craft, BAND, error=0.05)
    assert low <= high
    allowed = [count for count in range(size) if upper_limit(count, size, 0.975) <= 0.025]
    assert ((screen <= low) & (craft >= BAND[0])).sum() <= (max(allowed) if allowed else 0)
    assert ((screen >= high) & (craft < BAND[1])).sum() <= (max(allowed) if allowed else 0)


def test_too_few_pictures_prove_nothing_and_craft_sees_all() -> None:
    screen, craft = population(50, np.random.default_rng(2))
    assert choose_bounds(screen, craft, BAND, error=0.01) == (-np.inf, np.inf)
