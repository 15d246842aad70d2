"""Boxes from maps that are drawn here, so that what must be found is known."""

from collections import deque

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from craft.boxes import LINK, LOW_TEXT, SMALLEST, WORD, find_boxes

Map = NDArray[np.float32]


def bumps(shape: tuple[int, int], centres: list[tuple[float, float]], deviation: float = 3.0) -> Map:
    """A Gaussian of height 1 at each (row, column): what the network is trained to give for a character."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    maps = [np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * deviation**2)) for y, x in centres]
    return np.max(maps, axis=0, initial=0.0).astype(np.float32)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_linked_characters_are_one_word(count: int) -> None:
    centres = [(20.0, 15.0 + 12 * i) for i in range(count)]
    links = [(20.0, 21.0 + 12 * i) for i in range(count - 1)]
    boxes, _ = find_boxes(bumps((40, 90), centres), bumps((40, 90), links))
    assert [box.kind for box in boxes] == ["word"] + ["character"] * count
    for box, (y, x) in zip(boxes[1:], centres, strict=True):
        assert_allclose([(box.top + box.bottom) / 2, (box.left + box.right) / 2], [y + 0.5, x + 0.5], atol=0.01)
        # A Gaussian of deviation 3 falls to 0.4 at 3 sqrt(2 ln 2.5) = 4.06 cells, so 9 cells are above it.
        assert_allclose([box.right - box.left, box.bottom - box.top], 9)
    word = boxes[0]
    assert word.left < boxes[1].left
    assert word.right > boxes[-1].right


def test_characters_without_a_link_are_words_of_their_own() -> None:
    boxes, covered = find_boxes(bumps((40, 60), [(20, 15), (20, 40)]), np.zeros((40, 60), np.float32))
    assert [box.kind for box in boxes] == ["word", "character", "word", "character"]
    assert covered == (bumps((40, 60), [(20, 15), (20, 40)]) > LOW_TEXT).sum()


def test_the_margin_of_a_word_is_that_of_the_published_dilation() -> None:
    """A filled square of side s: sqrt(size * min(w, h) / (w * h)) = sqrt(s), on each side."""
    region = np.zeros((64, 64), np.float32)
    region[20:36, 20:36] = 1
    (word, _character), covered = find_boxes(region, np.zeros_like(region))
    assert_allclose([word.left, word.top, word.right, word.bottom], [16, 16, 40, 40])
    assert covered == 256


@pytest.mark.parametrize("height", [0.3, 0.65])
def test_weak_regions_and_links_without_letters_give_no_boxes(height: float) -> None:
    weak = height * bumps((40, 40), [(20, 20)])
    assert find_boxes(weak, np.zeros_like(weak)) == ([], 0)
    assert find_boxes(np.zeros_like(weak), bumps((40, 40), [(20, 20)])) == ([], 0)


def words_by_flooding(region: Map, affinity: Map) -> list[tuple[int, int, int, int]]:
    """Words' tight boxes (left, top, right, bottom) by the published rule, cell by cell."""
    mask = (region > LOW_TEXT) | (affinity > LINK)
    seen = np.zeros_like(mask)
    found = []
    for start in zip(*np.nonzero(mask), strict=True):
        if seen[start]:
            continue
        queue, cells = deque([start]), []
        seen[start] = True
        while queue:
            y, x = queue.popleft()
            cells.append((y, x))
            for cell in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                inside = 0 <= cell[0] < mask.shape[0] and 0 <= cell[1] < mask.shape[1]
                if inside and mask[cell] and not seen[cell]:
                    seen[cell] = True
                    queue.append(cell)
        if len(cells) >= SMALLEST and max(region[cell] for cell in cells) >= WORD:
            letters = [cell for cell in cells if region[cell] > LOW_TEXT]
            ys, xs = zip(*letters, strict=True)
            found.append((min(xs), min(ys), max(xs) + 1, max(ys) + 1))
    return sorted(found)


@pytest.mark.parametrize("seed", range(8))
def test_words_equal_those_of_a_flood_fill(seed: int) -> None:
    rng = np.random.default_rng(seed)
    region, affinity = (bumps((60, 80), rng.uniform(0, 60, (n, 2)).tolist(), 2.5) for n in (14, 8))
    region *= rng.uniform(0.5, 1, region.shape).astype(np.float32)
    words = [box for box in find_boxes(region, affinity)[0] if box.kind == "word"]
    expected = words_by_flooding(region, affinity)
    assert expected
    centres = sorted(((w.left + w.right) / 2, (w.top + w.bottom) / 2) for w in words)  # the margin is symmetric
    assert_allclose(centres, sorted(((left + right) / 2, (top + bottom) / 2) for left, top, right, bottom in expected))
