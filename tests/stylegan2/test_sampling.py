"""Pictures by seed and class, each against what it must reduce to."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from stylegan2.generator import Generator
from stylegan2.grids import tile, to_uint8
from stylegan2.sampling import NoiseMode, class_weights, generate, latents, mapped, render, synthesised


@pytest.mark.parametrize("noise", ["const", "random", "none"])
def test_a_picture_depends_on_its_seed_and_class_and_not_on_its_company(generator: Generator, noise: NoiseMode) -> None:
    together = generate(generator, [3, 4, 5], [0, 1, 2], 0.7, noise)
    alone = generate(generator, [4], [1], 0.7, noise)
    assert np.abs(together[1].astype(int) - alone[0]).max() <= 1  # rounding to 8 bits may tip over
    assert together.dtype == np.uint8
    assert together.shape == (3, 3, 16, 16)
    other_class = generate(generator, [4], [2], 0.7, noise)
    assert np.abs(other_class.astype(int) - alone).max() > 1


def test_with_no_variety_left_every_seed_of_a_class_is_its_average(generator: Generator) -> None:
    pictures = generate(generator, [1, 2, 3, 4], [0, 0, 1, 1], truncation=0.0)
    averages = generator.w_avg_by_class[:2, None].expand(-1, generator.settings.layers, -1)
    assert np.array_equal(pictures, render(generator, averages[[0, 0, 1, 1]]))
    assert not np.array_equal(pictures[0], pictures[2])
    everywhere = generate(generator, [1, 3], [0, 1], truncation=0.0, centre="global")
    of_all = generator.w_avg.expand(2, generator.settings.layers, -1)
    assert np.array_equal(everywhere, render(generator, of_all))


def test_only_the_first_layers_are_truncated_where_a_number_is_given(generator: Generator) -> None:
    whole, none = mapped(generator, [1], [0]), mapped(generator, [1], [0], 0.0)
    part = mapped(generator, [1], [0], 0.0, layers=2)
    assert torch.equal(part, torch.cat([none[:, :2], whole[:, 2:]], dim=1))


def test_a_mix_of_one_class_is_that_class_and_a_mix_of_two_is_neither(generator: Generator) -> None:
    classes = [2, 0]
    by_hand = generator.map(latents(generator, [5, 6]), torch.tensor(classes))  # classes as whole numbers
    assert_close(mapped(generator, [5, 6], torch.eye(3)[classes]), by_hand)
    assert_close(mapped(generator, [5, 6], classes), by_hand)
    mixed = mapped(generator, [5], torch.tensor([[0.7, 0.3, 0.0]]), 0.0)
    expected = 0.7 * generator.w_avg_by_class[0] + 0.3 * generator.w_avg_by_class[1]
    assert_close(mixed[0, 0], expected)


def test_noise_of_layers_is_that_of_all_layers_where_it_is_the_same(generator: Generator) -> None:
    ws, count = mapped(generator, [1, 2], [0, 1]), generator.settings.layers
    for mode in ("const", "random", "none"):
        each = synthesised(generator, ws, [mode] * count, [1, 2])  # type: ignore[list-item]
        assert torch.equal(each, synthesised(generator, ws, mode, [1, 2]))  # type: ignore[arg-type]
    some = synthesised(generator, ws, ["none", *["const"] * (count - 1)])
    generator.synthesis.convolutions[0].noise_strength.data.fill_(0.0)
    assert torch.equal(some, synthesised(generator, ws, "const"))


def test_more_pictures_than_a_batch_are_those_of_their_seeds(generator: Generator) -> None:
    seeds = list(range(40))
    pictures = generate(generator, seeds, [seed % 3 for seed in seeds], noise="random")
    assert len(pictures) == 40
    last = generate(generator, [39], [0], noise="random")
    assert np.abs(pictures[39].astype(int) - last[0]).max() <= 1


def test_classes_that_do_not_exist_are_refused(generator: Generator) -> None:
    for classes in (None, [3], [0, 1], torch.eye(2), torch.tensor([1])):
        with pytest.raises(ValueError, match="has classes 0 to 2: give one for each of the 1 seeds"):
            class_weights(generator, classes, 1)
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
