"""Projection finds what the generator made, whatever its classes, channels and noise, and the same way each time."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from stylegan2.generator import Generator
from stylegan2.projection import Distance, Projection, project, pyramid, schedule, structure
from stylegan2.settings import NetworkSettings


def plain(images: Tensor) -> Sequence[Tensor]:
    """Features of a random convolution."""
    weight = torch.randn(8, images.shape[1], 3, 3, generator=torch.Generator().manual_seed(1))
    return [torch.nn.functional.conv2d(images, weight, stride=2)]


def trained(settings: NetworkSettings) -> Generator:
    """A generator whose averages and noise are not all zero."""
    generator = Generator(settings).eval().requires_grad_(False)
    for layer in generator.synthesis.convolutions:
        layer.noise_strength.fill_(0.1)
    for picture in generator.synthesis.pictures:
        picture.weight *= 0.2
    z = torch.randn(200, settings.z_dim)
    for label in range(max(1, settings.classes)):
        labels = torch.full((200,), label) if settings.classes else None
        w = generator.map(z, labels)[:, 0].mean(dim=0)
        generator.w_avg += w / max(1, settings.classes)
        if settings.classes:
            generator.w_avg_by_class[label] = w
    return generator


def own(generator: Generator, count: int) -> Tensor:
    settings = generator.settings
    labels = torch.arange(count) % settings.classes if settings.classes else None
    with torch.no_grad():
        image: Tensor = generator(torch.randn(count, settings.z_dim), labels)
    assert image.abs().max() < 1.5
    return image.clamp(-1, 1)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("classes", [0, 3])
def test_pictures_of_the_generator_are_found(small: NetworkSettings, channels: int, classes: int) -> None:
    generator = trained(small.model_copy(update={"channels": channels, "classes": classes}))
    targets = own(generator, 3)
    spread = (targets - targets.mean(dim=0)).abs().mean() / 2
    found = project(generator, targets, plain, steps=120)
    assert max(one.error for one in found) < 0.15 * spread
    for one, target in zip(found, targets, strict=True):
        again = generator.synthesis(one.ws[None])[0]
        torch.testing.assert_close(again, one.image)
        assert one.error == pytest.approx(float((again.clamp(-1, 1) - target).abs().mean() / 2), abs=1e-5)
        assert (one.ws == one.ws[:1]).all()
        assert min(one.curve) < 0.5 * one.curve[0] or one.error < 0.01
        assert (one.label is None) == (classes == 0)


def test_w_plus_comes_nearer_to_what_the_generator_cannot_draw(small: NetworkSettings) -> None:
    generator = trained(small)
    targets = torch.rand(2, 3, 16, 16) * 2 - 1
    errors = {
        space: [one.curve for one in project(generator, targets, plain, space=space, steps=120)]  # type: ignore[arg-type]
        for space in ("w", "w+")
    }
    assert all(min(plus) < min(one) for one, plus in zip(errors["w"], errors["w+"], strict=True))


def test_fitted_noise_comes_nearer_and_stays_noise(small: NetworkSettings) -> None:
    generator = trained(small)
    targets = torch.rand(2, 3, 16, 16) * 2 - 1
    held, fitted = (project(generator, targets, plain, steps=120, noise=noise) for noise in ("const", "fitted"))  # type: ignore[arg-type]
    for one, other in zip(held, fitted, strict=True):
        assert min(other.curve) < min(one.curve)
        assert one.noise is None
        assert other.noise is not None
        for values in other.noise:
            torch.testing.assert_close(values.square().mean(), torch.tensor(1.0), rtol=1e-3, atol=1e-3)
        again = generator.synthesis(other.ws[None], [values[None] for values in other.noise])[0]
        torch.testing.assert_close(again, other.image, rtol=1e-3, atol=1e-4)


def test_a_picture_is_projected_the_same_with_others_and_alone_and_each_time(small: NetworkSettings) -> None:
    generator = trained(small)
    targets = own(generator, 3)
    together = project(generator, targets, plain, steps=40)
    alone = project(generator, targets[1:2], plain, steps=40)

    def same(one: Projection, other: Projection) -> None:
        torch.testing.assert_close(one.ws, other.ws, rtol=1e-3, atol=1e-3)

    same(together[1], alone[0])
    assert torch.equal(alone[0].ws, project(generator, targets[1:2], plain, steps=40)[0].ws)
    assert not torch.equal(alone[0].ws, project(generator, targets[1:2], plain, steps=40, seed=1)[0].ws)


def test_a_class_that_is_asked_for_is_begun_with(small: NetworkSettings) -> None:
    generator = trained(small)
    found = project(generator, own(generator, 3), plain, steps=24, labels=[2, None, 0])
    assert [found[0].label, found[2].label] == [2, 0]


def test_the_film_begins_and_ends_where_the_descent_does(small: NetworkSettings) -> None:
    generator = trained(small)
    (found,) = project(generator, own(generator, 1), plain, steps=60, frames=10)
    assert len(found.film) <= 10
    assert torch.equal(found.film[-1], found.image)


def test_distance_is_nothing_to_itself_and_the_mean_over_scales_and_maps() -> None:
    a, b = torch.rand(2, 3, 16, 16), torch.rand(2, 3, 16, 16)
    distance = Distance(a, plain)
    assert distance(a).abs().max() == 0
    half = torch.nn.functional.avg_pool2d
    pixels = ((a - b).abs().mean(dim=(1, 2, 3)) + (half(a, 2) - half(b, 2)).abs().mean(dim=(1, 2, 3))) / 2
    features = (plain(a)[0] - plain(b)[0]).square().sum(dim=1).mean(dim=(1, 2))
    torch.testing.assert_close(distance(b), pixels + features)
    torch.testing.assert_close(distance(b[1:], torch.tensor([1])), (pixels + features)[1:])


def test_pictures_are_reduced_down_to_eight_pixels() -> None:
    assert [tuple(x.shape[2:]) for x in pyramid(torch.zeros(1, 3, 64, 32))] == [(64, 32), (32, 16), (16, 8)]


def test_the_rate_rises_and_falls() -> None:
    rates = [schedule(n / 100) for n in range(101)]
    assert rates[0] < 0.3
    assert rates[20] == 1
    assert rates[100] == pytest.approx(0, abs=1e-6)
    assert rates[50:] == sorted(rates[50:], reverse=True)


def test_noise_has_no_structure_and_stripes_have() -> None:
    noise = torch.randn(1, 1, 64, 64)
    stripes = torch.ones(1, 1, 64, 64)
    stripes[..., ::2] = -1
    assert structure(noise) < 0.1
    assert structure(stripes) > 1
