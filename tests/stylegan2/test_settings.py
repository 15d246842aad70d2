"""Settings and presets against the published table."""

import json

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from stylegan2.planning import plan
from stylegan2.presets import recipe
from stylegan2.settings import NetworkSettings, TrainingSettings


@pytest.mark.parametrize(
    ("width", "height", "base", "levels"),
    [(128, 128, (4, 4), 6), (32, 16, (2, 4), 4), (24, 40, (5, 3), 4), (96, 96, (6, 6), 5), (4, 4, (4, 4), 1)],
)
def test_a_picture_is_a_small_base_doubled(width: int, height: int, base: tuple[int, int], levels: int) -> None:
    settings = NetworkSettings(width=width, height=height)
    assert settings.base == base
    assert len(settings.sizes) == levels
    assert settings.sizes[-1] == (height, width)


def test_a_size_that_cannot_be_reached_is_refused_with_the_remedy() -> None:
    with pytest.raises(ValidationError, match=r"100 x 100 pixels is 25 x 25 doubled 2 times.*choose a size such as"):
        NetworkSettings(width=100, height=100)


def test_a_strength_above_the_cap_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"augment.strength is 0.9, above augment.cap, which is 0.8: lower it"):
        TrainingSettings.model_validate({"augment": {"mode": "fixed", "strength": 0.9}})
    assert TrainingSettings.model_validate({"augment": {"strength": 0.9, "cap": 0.95}}).augment.strength == 0.9


def test_the_features_are_those_of_the_published_networks() -> None:
    small = NetworkSettings(width=128, height=128, channel_base=16384)
    large = NetworkSettings(width=128, height=128, channel_base=32768)
    assert [small.features(size) for size in small.sizes] == [512, 512, 512, 512, 256, 128]
    assert [large.features(size) for size in large.sizes] == [512, 512, 512, 512, 512, 256]
    assert small.layers == 12


@pytest.mark.parametrize(
    ("depth", "base", "classes", "millions"), [(2, 16384, 10, 23.2), (8, 16384, 10, 24.8), (8, 32768, 10, 29.6)]
)
def test_the_generator_has_as_many_weights_as_published(depth: int, base: int, classes: int, millions: float) -> None:
    from stylegan2.generator import Generator

    shape = {"width": 128, "height": 128, "classes": classes, "mapping_depth": depth, "channel_base": base}
    generator = Generator(NetworkSettings.model_validate(shape))
    assert sum(p.numel() for p in generator.parameters()) / 1e6 == pytest.approx(millions, abs=0.1)


@pytest.mark.parametrize(("base", "millions"), [(16384, 26.3), (32768, 30.8)])
def test_the_discriminator_has_as_many_weights_as_published(base: int, millions: float) -> None:
    from stylegan2.discriminator import Discriminator

    shape = {"width": 128, "height": 128, "classes": 10, "channel_base": base}
    discriminator = Discriminator(NetworkSettings.model_validate(shape))
    assert sum(p.numel() for p in discriminator.parameters()) / 1e6 == pytest.approx(millions, abs=0.1)


def test_the_presets_are_the_published_ones() -> None:
    large = recipe(TrainingSettings(preset="paper1024"), 1024, 1024)
    assert (large.batch, large.learning_rate, large.r1_gamma, large.ema_kimg) == (32, 0.002, 2, 10)
    cifar = recipe(TrainingSettings(preset="cifar"), 32, 32)
    assert (cifar.discriminator, cifar.style_mixing, cifar.path_length_weight) == ("orig", 0, 0)
    assert cifar.deviation_group == 32
    # two V100: batch 64 at 128 x 128, gamma 0.0512, half-life 20 kimg
    auto = recipe(TrainingSettings(preset="auto", batch=64), 128, 128)
    assert auto.r1_gamma == pytest.approx(0.0512)
    assert auto.ema_kimg == 20


def test_the_article_trains_with_batches_of_200() -> None:
    row = recipe(TrainingSettings(preset="article"), 128, 128)
    assert row.batch == 200
    assert row.r1_gamma == pytest.approx(0.0164, abs=5e-5)
    assert row.ema_kimg == 62.5


@pytest.mark.parametrize("side", [4, 32, 48, 128, 160, 192, 224, 384, 448, 640, 768, 1024, 2048, 4096])
def test_the_batch_of_auto_can_be_trained_with_at_every_size(side: int) -> None:
    row = recipe(TrainingSettings(), side, side)
    assert row.batch == {160: 24, 192: 20, 224: 16, 384: 8, 448: 8, 640: 4, 768: 4, 4096: 2}.get(
        side, min(4096 // side, 32)
    )


def test_a_wish_overrides_the_preset() -> None:
    row = recipe(TrainingSettings(preset="paper256", r1_gamma=3.0, ema_ramp=0.1), 256, 256)
    assert (row.r1_gamma, row.ema_ramp, row.batch) == (3.0, 0.1, 64)


@pytest.mark.parametrize(
    ("wishes", "sentence"),
    [
        ({"batch": 16, "micro_batch": 5}, "micro_batch is 5, which does not divide the batch of 16"),
        ({"batch": 6, "deviation_group": 4}, "6 images at once do not make minibatch deviation groups of 4"),
        ({"batch": 9, "deviation_group": 3}, "half of the 9 images at once: choose an even number"),
    ],
)
def test_a_batch_that_cannot_be_divided_is_refused(wishes: dict[str, int], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        recipe(TrainingSettings.model_validate(wishes), 32, 32)


def test_unknown_keys_are_refused_and_every_setting_is_described() -> None:
    with pytest.raises(ValidationError, match="extra"):
        TrainingSettings.model_validate({"bacth": 3})
    schema = json.dumps(TrainingSettings.model_json_schema())
    assert schema.count('"description"') >= len(TrainingSettings.model_fields)
    assert all(field.description for field in TrainingSettings.model_fields.values())


@pytest.mark.parametrize(
    ("wishes", "sentence"),
    [
        ({"total_kimg": float("inf")}, "finite number"),
        ({"r1_gamma": float("nan")}, "finite number"),
        ({"unconditional_kimg": 20, "total_kimg": 10}, "unconditional_kimg is 20, and total_kimg 10: classes would"),
    ],
)
def test_numbers_that_lead_nowhere_are_refused(wishes: dict[str, float], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        TrainingSettings.model_validate(wishes)


@pytest.mark.parametrize(
    ("labels", "wishes", "sentence"),
    [
        (np.full(8, -1), {}, "A label is -1, but classes are numbered from 0"),
        (np.array(3), {}, r"Labels are int64 of shape \(\): give one whole number"),
        (np.array(["a"] * 8), {}, "Labels are <U1 of shape"),
        (None, {"sampling": "balanced"}, "sampling is balanced, .* and there are none: leave it out"),
    ],
)
def test_labels_that_do_not_fit_are_refused(
    labels: NDArray[np.int64] | None, wishes: dict[str, object], sentence: str
) -> None:
    settings = TrainingSettings.model_validate({"batch": 8} | wishes)
    with pytest.raises(ValueError, match=sentence):
        plan(np.zeros((8, 3, 16, 16), np.uint8), labels, settings)
