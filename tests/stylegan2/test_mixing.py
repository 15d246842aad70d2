"""Style mixing against the pictures it must reduce to, and layers by name."""

import pytest
import torch

from stylegan2.generator import Generator
from stylegan2.groups import layer_groups, layers_of_size
from stylegan2.mixing import mixed
from stylegan2.sampling import mapped
from stylegan2.settings import NetworkSettings


def test_mixing_every_layer_gives_the_column_and_none_the_row(generator: Generator) -> None:
    rows, columns = mapped(generator, [1, 2], [0, 1]), mapped(generator, [3, 4, 5], [2, 2, 0])
    layers = generator.settings.layers
    assert torch.equal(mixed(rows, columns, []), rows[:, None].expand(-1, 3, -1, -1))
    assert torch.equal(mixed(rows, columns, range(layers)), columns[None].expand(2, -1, -1, -1))
    some = mixed(rows, columns, [0, 3])
    for layer in range(layers):
        for row in range(2):
            for column in range(3):
                source = columns[column] if layer in (0, 3) else rows[row]
                assert torch.equal(some[row, column, layer], source[layer])


@pytest.mark.parametrize(
    ("side", "coarse", "middle", "fine"),
    [
        (64, range(3), range(3, 7), range(7, 10)),  # up to 8 px, 16 to 32 px, above, as published
        (128, range(3), range(3, 7), range(7, 12)),
        (96, range(3), range(3, 7), range(7, 10)),
        (16, range(1), range(1, 3), range(3, 6)),
        (8, range(1), range(1, 4), range(0)),
    ],
)
def test_every_layer_has_one_name(side: int, coarse: range, middle: range, fine: range) -> None:
    settings = NetworkSettings(width=side, height=side)
    assert layer_groups(settings) == {"coarse": coarse, "middle": middle, "fine": fine}
    layers = [layer for level in range(len(settings.sizes)) for layer in layers_of_size(settings, level)]
    assert layers == list(range(settings.layers))


def test_a_layer_works_at_the_size_of_its_noise(generator: Generator) -> None:
    settings = generator.settings
    for level, size in enumerate(settings.sizes):
        for layer in layers_of_size(settings, level)[:2]:
            assert layer == settings.layers - 1 or generator.synthesis.noise_sizes[layer] == size
