"""Colours against published values of Oklab, loops over pixels, and pictures whose colours are known."""

import numpy as np
import pytest

from neighbours.colours import ALIKE, distinct_colours, dominant_colours, to_oklab, to_srgb


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [  # from CSS Color Module Level 4 and Ottosson's article
        ((1, 1, 1), (1, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((1, 0, 0), (0.62796, 0.22486, 0.12585)),
        ((0, 1, 0), (0.86644, -0.23389, 0.17950)),
        ((0, 0, 1), (0.45201, -0.03246, -0.31153)),
    ],
)
def test_oklab_of_known_colours(rgb: tuple[float, ...], lab: tuple[float, ...]) -> None:
    assert to_oklab(np.array(rgb, float)) == pytest.approx(lab, abs=2e-4)


def test_there_and_back_is_where_one_was() -> None:
    colours = np.random.default_rng(0).random((500, 3))
    assert np.abs(to_srgb(to_oklab(colours)) - colours).max() < 1e-5


def painted(*shares: tuple[tuple[int, int, int], int], side: int = 16) -> np.ndarray:
    """A white square `[3, side, side]` with so many pixels of each colour, in order."""
    pixels = np.full((side * side, 3), 255, np.uint8)
    start = 0
    for colour, count in shares:
        pixels[start : start + count] = colour
        start += count
    return pixels.T.reshape(3, side, side)


def test_flat_colours_come_back_with_their_shares_and_white_is_not_counted() -> None:
    square = painted(((200, 30, 40), 60), ((20, 60, 180), 30), ((0, 0, 0), 10))
    found = dominant_colours(square[None])
    assert [swatch.colour for swatch in found] == [(200, 30, 40), (20, 60, 180), (0, 0, 0)]
    assert [swatch.share for swatch in found] == pytest.approx([0.6, 0.3, 0.1])
    assert found[0].name == "#c81e28"


def test_each_logo_counts_the_same_however_much_of_the_square_it_covers() -> None:
    large, small = painted(((200, 30, 40), 250)), painted(((20, 60, 180), 5))
    assert [swatch.share for swatch in dominant_colours(np.stack([large, small, small]))] == pytest.approx(
        [2 / 3, 1 / 3]
    )


def test_colours_that_look_alike_are_one_and_shares_add_up() -> None:
    random = np.random.default_rng(0)
    squares = random.integers(0, 256, (3, 3, 12, 12), dtype=np.uint8)
    squares[0] = 200 + random.integers(0, 6, (3, 12, 12), dtype=np.uint8)  # one grey with noise
    assert len(dominant_colours(squares[:1])) == 1
    found = dominant_colours(squares, count=1000)
    assert sum(swatch.share for swatch in found) == pytest.approx(1)
    assert list(found) == sorted(found, key=lambda swatch: -swatch.share)


def test_the_first_colour_equals_a_loop_over_the_pixels() -> None:
    random = np.random.default_rng(1)
    base = np.array([[210, 60, 30], [30, 90, 200]])[random.choice(2, (4, 10, 10), p=[0.7, 0.3])]
    squares = np.clip(base + random.integers(-12, 12, (4, 10, 10, 3)), 0, 255).astype(np.uint8)
    counts: dict[tuple[int, ...], list[np.ndarray]] = {}
    for picture in squares:
        for pixel in picture.reshape(-1, 3):
            counts.setdefault(tuple(int(c) // 16 for c in pixel), []).append(to_oklab(pixel / 255))
    means = [np.mean(bin, axis=0) for bin in counts.values()]
    around = [
        [p for mean, bin in zip(means, counts.values(), strict=True) if np.linalg.norm(mean - m) <= ALIKE for p in bin]
        for m in means
    ]
    near = max(around, key=len)
    expected = 255 * to_srgb(np.mean(near, axis=0))
    first = dominant_colours(squares.transpose(0, 3, 1, 2))[0]
    assert np.abs(np.array(first.colour) - expected).max() <= 0.51
    assert first.share == pytest.approx(len(near) / 400)


def test_blank_paper_has_no_colours() -> None:
    assert dominant_colours(np.full((2, 3, 8, 8), 255, np.uint8)) == ()
    assert dominant_colours(np.empty((0, 3, 8, 8), np.uint8)) == ()


@pytest.mark.parametrize("count", [2, 10, 16])
def test_colours_of_groups_differ_and_stand_out_on_white_and_on_black(count: int) -> None:
    rgb = np.array([[int(name[i : i + 2], 16) for i in (1, 3, 5)] for name in distinct_colours(count)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    assert (1.05 / (luminance + 0.05) >= 2.2).all()
    assert ((luminance + 0.05) / 0.06 >= 3).all()
    lab = to_oklab(rgb)
    apart = np.linalg.norm(lab[:, None] - lab[None], axis=2) + np.eye(count)
    assert apart.min() > 0.05
