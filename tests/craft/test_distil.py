"""What the distillation does to pictures, maps and weights."""

import numpy as np
import torch
from numpy.testing import assert_allclose, assert_array_equal

from craft.distil import CELL, Taught, folded, moved, prove, varied
from craft.screen import Screen


def test_pictures_move_with_their_maps() -> None:
    """A bright cell of the picture stays the bright cell of the map."""
    generator = np.random.default_rng(0)
    pixels = np.zeros((8, 3, 16 * CELL, 16 * CELL), np.uint8)
    maps = np.zeros((8, 2, 16, 16), np.float16)
    for index, (row, column) in enumerate(generator.integers(4, 12, (8, 2))):
        pixels[index, :, row * CELL : (row + 1) * CELL, column * CELL : (column + 1) * CELL] = 255
        maps[index, :, row, column] = 1
    changed = varied(Taught(pixels, maps, *np.zeros((2, 8), np.float32)), generator)
    assert (changed.pixels != pixels).any()
    coarse = changed.pixels.reshape(8, 3, 16, CELL, 16, CELL).max(axis=(1, 3, 5))
    assert_array_equal(coarse == 255, changed.maps[:, 0] == 1)


def test_moving_repeats_the_edges() -> None:
    image = np.arange(12).reshape(1, 3, 4)
    assert_array_equal(moved(image, 1, -1)[0], [[1, 2, 3, 3], [1, 2, 3, 3], [5, 6, 7, 7]])


def test_folding_the_batch_norms_changes_no_answer() -> None:
    torch.manual_seed(0)
    network = Screen(fused=False)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias)
            torch.nn.init.normal_(module.running_mean)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        expected = network.eval()(images)[0]
        answers = folded(network)(images)[0]
    assert expected.std() > 1e-3
    assert_allclose(answers.numpy(), expected.numpy(), rtol=0.02, atol=0.02)  # float16 weights


def test_bounds_count_what_they_decide() -> None:
    generator = np.random.default_rng(0)
    craft = generator.random(4000)
    screen = np.clip(craft + generator.normal(0, 0.05, 4000), 0, 1)
    bounds = prove(screen, craft, 256)
    verdicts = [bounds.verdict(score) for score in screen]
    decided = [(verdict, score) for verdict, score in zip(verdicts, craft, strict=True) if verdict is not None]
    assert bounds.decided == len(decided) > 1000
    wrong = sum(score < bounds.highest if verdict else score >= bounds.lowest for verdict, score in decided)
    assert 0 < bounds.wrong == wrong <= bounds.error * 4000
    assert bounds.low < bounds.lowest < bounds.highest < bounds.high
