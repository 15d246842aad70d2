"""Generating, interpolating and mixing, each against what it must reduce to."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from stylegan2.generator import Generator
from stylegan2.grids import tile, to_uint8
from stylegan2.sampling import generate, interpolate, mix, path_steps, slerp
from stylegan2.settings import NetworkSettings


@pytest.fixture
def generator(small: NetworkSettings) -> Generator:
    generator = Generator(small).eval()
    generator.w_avg.normal_()
    generator.w_avg_by_class.normal_()
    with torch.no_grad():
        for layer in generator.synthesis.convolutions:
            layer.noise_strength.fill_(0.3)  # type: ignore[union-attr, operator]
    return generator


@pytest.mark.parametrize("noise", ["const", "random", "none"])
def test_a_picture_depends_on_its_seed_and_class_and_not_on_its_company(generator: Generator, noise: str) -> None:
    together = generate(generator, [3, 4, 5], [0, 1, 2], 0.7, noise)  # type: ignore[arg-type]
    alone = generate(generator, [4], [1], 0.7, noise)  # type: ignore[arg-type]
    assert np.abs(together[1].astype(int) - alone[0]).max() <= 1  # rounding to 8 bits may tip over
    assert together.dtype == np.uint8
    assert together.shape == (3, 3, 16, 16)
    other_class = generate(generator, [4], [2], 0.7, noise)  # type: ignore[arg-type]
    assert np.abs(other_class.astype(int) - alone).max() > 1


def test_with_no_variety_left_every_seed_of_a_class_is_its_average(generator: Generator) -> None:
    pictures = generate(generator, [1, 2, 3, 4], [0, 0, 1, 1], truncation=0.0)
    assert np.array_equal(pictures[0], pictures[1])
    assert np.array_equal(pictures[2], pictures[3])
    assert not np.array_equal(pictures[0], pictures[2])
    everywhere = generate(generator, [1, 3], [0, 1], truncation=0.0, centre="global")
    assert np.array_equal(everywhere[0], everywhere[1])


@pytest.mark.parametrize("space", ["w", "z"])
def test_an_interpolation_starts_and_ends_with_its_pictures(generator: Generator, space: str) -> None:
    path = interpolate(generator, (1, 2), 5, (0, 2), space)  # type: ignore[arg-type]
    ends = generate(generator, [1, 2], [0, 2])
    assert path.shape[0] == 5
    assert np.abs(path[[0, -1]].astype(int) - ends).max() <= 1
    steps = np.abs(np.diff(path.astype(int), axis=0)).mean(axis=(1, 2, 3))
    assert (steps > 0).all()


@given(st.integers(2, 40), st.integers(0, 1000))
def test_slerp_keeps_to_the_sphere_and_is_symmetric(size: int, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    first, last = torch.nn.functional.normalize(torch.randn(2, size, generator=random, dtype=torch.float64))
    weight = torch.linspace(0, 1, 7, dtype=torch.float64)[:, None]
    path = slerp(first, last, weight)
    assert_close(path.norm(dim=1), torch.ones(7, dtype=torch.float64))
    assert_close(path, slerp(last, first, weight).flip(0))
    angles = (path[1:] * path[:-1]).sum(dim=1).clamp(-1, 1).acos()
    assert_close(angles, angles[:1].expand(6), rtol=1e-4, atol=1e-4)


def test_mixing_every_layer_gives_the_column_and_none_the_row(generator: Generator) -> None:
    rows, columns = generate(generator, [1, 2], [0, 1]), generate(generator, [3, 4, 5], [2, 2, 0])
    arguments = (generator, [1, 2], [3, 4, 5])
    classes = {"row_classes": [0, 1], "column_classes": [2, 2, 0]}
    none = mix(*arguments, [], **classes)
    every = mix(*arguments, range(generator.settings.layers), **classes)
    some = mix(*arguments, [0, 1], **classes)
    assert none.shape == (2, 3, 3, 16, 16)
    assert np.abs(none.astype(int) - rows[:, None]).max() <= 1
    assert np.abs(every.astype(int) - columns[None]).max() <= 1
    assert np.abs(some.astype(int) - none).max() > 1


def test_a_step_along_a_path_begins_at_a_picture_and_goes_towards_the_other(generator: Generator) -> None:
    pairs, classes = [(1, 2), (3, 4)], [0, 2]
    start, nearly = path_steps(generator, pairs, classes, 1e-3)
    _, end = path_steps(generator, pairs, classes, 1.0)
    for pictures, place in ((start, 0), (end, 1)):
        expected = generate(generator, [pair[place] for pair in pairs], classes)
        assert np.abs(np.clip(pictures, 0, 255) - expected).max() <= 0.5  # those are rounded
    assert 0 < np.abs(nearly - start).max() < 0.05 * np.abs(end - start).max()


def test_classes_that_do_not_exist_are_refused(generator: Generator) -> None:
    for classes in (None, [3], [0, 1]):
        with pytest.raises(ValueError, match="has classes 0 to 2: give one for each of the 1 seeds"):
            generate(generator, [1], classes)
    free = Generator(generator.settings.model_copy(update={"classes": 0}))
    with pytest.raises(ValueError, match="has no classes"):
        generate(free, [1], [0])


def test_tiles_lie_in_rows_with_white_between() -> None:
    images = np.arange(3, dtype=np.uint8)[:, None, None, None] * np.ones((1, 3, 4, 5), np.uint8)
    sheet = tile(images, 2)
    assert sheet.shape == (9, 11, 3)
    assert (sheet[:4, :5] == 0).all()
    assert (sheet[:4, 6:] == 1).all()
    assert (sheet[5:, :5] == 2).all()
    assert (sheet[4] == 255).all()
    assert (sheet[5:, 6:] == 255).all()


def test_pixels_are_clipped_and_rounded() -> None:
    values = torch.tensor([-2.0, -1.0, 0.0, 1.0, 3.0]).reshape(1, 1, 1, 5)
    assert to_uint8(values).ravel().tolist() == [0, 0, 128, 255, 255]
