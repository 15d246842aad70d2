"""Augmentations: identities at strength zero, ranges, and values from Pillow, colorsys and loops."""

import colorsys

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter
from torch.nn import functional as F
from torch.testing import assert_close

from moco.augment import PALEST, Rows, augment, blur, change_background, frame, recolour, reduce_resolution
from moco.randomness import generator
from moco.settings import AugmentationSettings

OFF = AugmentationSettings(
    crop_scale=1,
    zoom_out=1,
    stretch=0,
    background=0,
    brightness=0,
    contrast=0,
    saturation=0,
    hue=0,
    resolution=0,
    blur=0,
    jpeg=0,
)


def pictures(n: int, side: int = 32) -> torch.Tensor:
    return torch.rand(n, 3, side, side, generator=torch.Generator().manual_seed(0))


def changed(**values: float) -> AugmentationSettings:
    return AugmentationSettings.model_validate(OFF.model_dump() | values)


def test_all_strengths_at_zero_are_the_identity() -> None:
    assert torch.allclose(augment(pictures(4), OFF, generator(0, "test")), pictures(4), atol=1e-5)


def test_views_keep_shape_and_range_and_depend_on_the_generator_alone() -> None:
    x, settings = pictures(16), AugmentationSettings(flip=0.5, grayscale=0.2, resolution=1, blur=1, jpeg=1)
    one, again, other = (augment(x, settings, generator(0, "test", step)) for step in (1, 1, 2))
    assert one.shape == x.shape
    assert one.min() >= 0
    assert one.max() <= 1
    assert torch.equal(one, again)
    assert not torch.allclose(one, other, atol=0.05)


def test_a_frame_larger_than_the_image_shows_paper_around_it() -> None:
    black = torch.zeros(64, 3, 32, 32)
    views = frame(black, changed(crop_scale=0.5, zoom_out=4.0), generator(0, "test"))
    ink = (1 - views).mean(dim=(1, 2, 3))  # one over the area shown, where that is more than the image
    assert ink.min() == pytest.approx(1 / 4, abs=0.05)
    assert ink.max() == pytest.approx(1)
    assert views.max() == 1  # white, not black, is what lies outside


def test_tinted_paper_shows_through_white_and_leaves_black() -> None:
    x = torch.ones(400, 3, 8, 8)
    x[:, :, :, 4:] = 0
    x[:, :, 4:, :4] = 0.5
    views = change_background(x, changed(background=0.25), generator(0, "test"))
    paper = views[:, :, 0, 0]
    assert torch.equal(views[:, :, :4, :4], paper[:, :, None, None].expand(-1, -1, 4, 4))
    assert_close(views[:, :, 4:, :4], 0.5 * paper[:, :, None, None].expand(-1, -1, 4, 4))
    assert (views[:, :, :, 4:] == 0).all()
    tinted = (paper < 1).any(dim=1)
    assert tinted.float().mean() == pytest.approx(0.25, abs=0.07)
    assert PALEST <= paper.min() < PALEST + 0.03


def test_a_crop_keeps_at_least_its_share_of_the_area() -> None:
    row = torch.linspace(0, 1, 64)
    ramps = torch.stack([row.expand(64, 64), row[:, None].expand(64, 64), torch.zeros(64, 64)]).expand(200, 3, 64, 64)
    views = frame(ramps, changed(crop_scale=0.3, stretch=0.2), generator(0, "test"))
    width = views[:, 0].amax(dim=(1, 2)) - views[:, 0].amin(dim=(1, 2))
    height = views[:, 1].amax(dim=(1, 2)) - views[:, 1].amin(dim=(1, 2))
    areas, ratios = width * height, width / height
    assert 0.27 < areas.min() < 0.35
    assert 0.95 < areas.max() < 1.01
    assert ratios.max() < 1.25
    assert ratios.min() > 0.8


def test_mirrored_views_are_the_images_mirrored() -> None:
    assert torch.allclose(frame(pictures(4), changed(flip=1), generator(0, "test")), pictures(4).flip(3), atol=1e-5)


def test_the_hue_turns_as_colorsys_turns_it_for_pure_colours() -> None:
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1).expand(300, 3, 16, 16)
    views = recolour(red, changed(hue=0.5), generator(0, "test"))[:, :, 0, 0]
    hues = np.array([colorsys.rgb_to_hsv(*view.tolist())[0] for view in views])
    turns = (hues + 0.5) % 1 - 0.5
    assert turns.min() < -0.45
    assert turns.max() > 0.45
    assert abs(np.median(turns)) < 0.1


def test_grayscale_is_the_luma_of_pillow() -> None:
    x = pictures(1)
    gray = recolour(x, changed(grayscale=1), generator(0, "test"))
    image = Image.fromarray((x[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8))
    assert torch.allclose(
        gray[0] * 255, torch.from_numpy(np.array(image.convert("L"))).float().expand(3, 32, 32), atol=1.5
    )


def test_white_and_gray_stay_without_colour_when_saturation_and_hue_change() -> None:
    gray = torch.linspace(0, 1, 16).view(1, 1, 1, 16).expand(50, 3, 16, 16)
    views = recolour(gray, changed(saturation=0.9, hue=0.5), generator(0, "test"))
    assert torch.allclose(views, gray, atol=1e-5)


def test_the_blur_is_scipys_gaussian() -> None:
    x = pictures(20)
    views = blur(x, changed(blur=1, sigma=2), generator(0, "test"))
    widths = 0.1 + 1.9 * torch.rand(20, generator=generator(0, "test"))
    for image, view, width in zip(x.numpy(), views.numpy(), widths.tolist(), strict=True):
        expected = gaussian_filter(image, (0, width, width), mode="nearest", truncate=4 / width)
        assert np.abs(view - expected).max() < 1e-5


def test_reduced_views_have_lost_their_fine_detail_and_kept_their_means() -> None:
    x = pictures(64)
    views = reduce_resolution(x, changed(resolution=1, smallest=0.25), generator(0, "test"))
    fine = [(y - F.avg_pool2d(y, 3, 1, 1, count_include_pad=False)).square().mean(dim=(1, 2, 3)) for y in (x, views)]
    lost = fine[1] / fine[0]
    assert lost.min() < 0.1
    assert torch.allclose(views.mean(dim=(2, 3)), x.mean(dim=(2, 3)), atol=0.03)


def test_the_shares_say_how_many_views_are_changed() -> None:
    x = pictures(400, 16)
    for name, function in {"resolution": reduce_resolution, "blur": blur}.items():
        views = function(x, changed(**{name: 0.25}), generator(0, "test"))
        share = (views - x).abs().amax(dim=(1, 2, 3)).gt(0.01).float().mean().item()
        assert share == pytest.approx(0.25, abs=0.08)


def test_crops_without_zoom_show_no_paper_however_they_are_stretched() -> None:
    black = torch.zeros(200, 3, 32, 32)
    views = frame(black, changed(crop_scale=0.9, stretch=0.5), generator(0, "test"))
    assert views[:, :, 1:-1, 1:-1].max() < 1e-6


def test_the_jitter_befalls_its_share_and_leaves_the_rest_alone() -> None:
    x = pictures(400, 16)
    views = recolour(x, changed(jitter=0.8, brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1), generator(0, "t"))
    share = (views - x).abs().amax(dim=(1, 2, 3)).gt(1e-3).float().mean().item()
    assert share == pytest.approx(0.8, abs=0.06)


def test_the_published_augmentation_is_what_chen_et_al_list_and_can_be_changed() -> None:
    settings = AugmentationSettings.model_validate({"preset": "moco_v2", "flip": 0})
    assert (settings.crop_scale, settings.zoom_out, settings.stretch) == (0.2, 1, pytest.approx(4 / 3 - 1))
    assert (settings.brightness, settings.contrast, settings.saturation, settings.hue) == (0.4, 0.4, 0.4, 0.1)
    assert (settings.jitter, settings.grayscale, settings.blur, settings.sigma) == (0.8, 0.2, 0.5, 2)
    assert (settings.resolution, settings.jpeg, settings.flip) == (0, 0, 0)
    assert AugmentationSettings.model_validate(settings.model_dump()) == settings
    assert AugmentationSettings(preset="logo") == AugmentationSettings()
    with pytest.raises(ValueError, match="'logo' or 'moco_v2'"):
        AugmentationSettings.model_validate({"preset": "moco_v3"})


@pytest.mark.parametrize("preset", ["logo", "moco_v2"])
def test_rows_of_a_batch_look_as_if_all_of_it_were_there(preset: str) -> None:
    x = pictures(24)
    settings = AugmentationSettings.model_validate({"preset": preset, "resolution": 0.7, "blur": 0.7, "jpeg": 0.7})
    whole = augment(x, settings, generator(0, "test"))
    draws = [generator(0, "test") for _ in range(3)]
    for draw, start, stop in zip(draws, (0, 5, 16), (5, 16, 24), strict=True):
        part = augment(x[start:stop], settings, draw, Rows(24, start, stop))
        assert torch.allclose(part, whole[start:stop], atol=1e-5)
    assert len({float(torch.rand(1, generator=draw)) for draw in draws}) == 1  # all go on from the same place
