"""Augmentations: identity at p = 0, second derivatives, rates, and exactness where pixels fall on pixels."""

from math import pi

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.testing import assert_close

from stylegan2.augment import warp
from stylegan2.augment.bands import SMALLEST, amplify_bands, band_filters, band_gains
from stylegan2.augment.color import COLOR, apply_color, color_matrices
from stylegan2.augment.draws import FixedDraws, RandomDraws
from stylegan2.augment.geometry import BLIT, GEOMETRY, inverse_matrices
from stylegan2.augment.pipe import OPERATIONS, PIPES, augment
from stylegan2.augment.warp import warp_bilinear, warp_reference


def draws(count: int, seed: int = 0) -> RandomDraws:
    return RandomDraws(torch.Generator().manual_seed(seed), count)


@pytest.mark.parametrize("geometry", ["reference", "bilinear"])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("pipe", ["bgcfnc", "bgc"])
def test_at_p_zero_every_image_comes_back_to_the_bit(pipe: str, channels: int, geometry: str) -> None:
    images = torch.randn(6, channels, 24, 32)
    assert torch.equal(augment(images, torch.zeros(()), draws(6), PIPES[pipe], geometry), images)


@pytest.mark.parametrize("pipe", sorted(PIPES))
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_every_pipe_changes_pictures_of_every_kind_at_p_one(pipe: str, channels: int) -> None:
    images = torch.randn(16, channels, 32, 24).clamp(-1, 1)
    changed = augment(images, torch.ones(()), draws(16), PIPES[pipe])
    assert changed.shape == images.shape
    assert changed.isfinite().all()
    assert (changed != images).flatten(1).any(dim=1).sum() >= 14  # a flip or turn drawn as none changes nothing


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize(
    ("operation", "geometry"),
    [(name, "reference") for name in OPERATIONS] + [(name, "bilinear") for name in BLIT + GEOMETRY],
)
def test_every_operation_is_twice_differentiable(operation: str, channels: int, geometry: str) -> None:
    side = SMALLEST if operation == "imgfilter" else 5

    def apply(images: Tensor) -> Tensor:
        return augment(images, torch.ones(()), draws(2, seed=3), (operation,), geometry)

    images = torch.randn(2, channels, side, side, dtype=torch.float64, requires_grad=True)
    assert gradcheck(apply, (images,), fast_mode=True)
    assert gradgradcheck(lambda x: apply(x).sin(), (images,), fast_mode=True)


@pytest.mark.parametrize("operation", ["xflip", "rotate90", "xint"])
@pytest.mark.parametrize("warping", [warp_reference, warp_bilinear])
def test_moves_of_whole_pixels_move_pixels(operation: str, warping: warp.Warp) -> None:
    images = torch.rand(2, 3, 16, 16, dtype=torch.float64)
    smooth = torch.nn.functional.avg_pool2d(torch.nn.functional.pad(images, (2, 2, 2, 2), mode="reflect"), 5, 1)
    matrices = inverse_matrices((operation,), torch.ones(()), FixedDraws(0.9, 2), 16, 16).double()
    moved = warping(smooth, matrices)
    # quantile 0.9: flipped; three quarter turns; 1.6 pixels, rounded to 2, to the right and down
    expected = {
        "xflip": smooth.flip(3),
        "rotate90": torch.rot90(smooth, 3, (2, 3)),
        "xint": torch.nn.functional.pad(smooth, (2, 0, 2, 0), mode="reflect")[:, :, :16, :16],
    }[operation]
    tolerance = 1e-6 if operation == "xint" and warping is warp_reference else 0.05
    inside = (slice(None), slice(None), slice(3, -3), slice(3, -3))
    assert (moved - expected)[inside].abs().max() < tolerance


def test_doubling_and_halving_with_the_wavelet_gives_the_picture_back() -> None:
    images = torch.randn(2, 3, 11, 16, dtype=torch.float64)
    assert_close(warp_reference(images, torch.eye(3, dtype=torch.float64).repeat(2, 1, 1)), images)


def test_the_grid_is_that_of_affine_grid() -> None:
    theta = torch.randn(3, 3, 3, dtype=torch.float64)
    normal = torch.cat([theta[:, :2, :2] * torch.tensor([7.0, 5.0]) / 2, theta[:, :2, 2:]], dim=2)
    normal = normal * torch.tensor([[2 / 9], [2 / 11]])
    expected = torch.nn.functional.affine_grid(normal, [3, 1, 10, 14], align_corners=False)
    assert_close(warp._grid(theta, (7, 5), (9, 11)), expected)


def test_a_product_filters_as_a_convolution_does(monkeypatch: pytest.MonkeyPatch) -> None:
    images = torch.randn(4, 3, 9, 14, dtype=torch.float64, requires_grad=True)
    matrices = inverse_matrices(BLIT + GEOMETRY, torch.ones(()), draws(4), 14, 9)
    answers = []
    for products in (True, False):
        monkeypatch.setattr(warp, "products_pay", lambda x, answer=products: answer)
        moved = warp_reference(images, matrices)
        answers.append((moved, *torch.autograd.grad(moved.square().sum(), images)))
    for product, convolution in zip(*answers, strict=True):
        assert_close(product, convolution)


def test_operations_are_applied_at_the_rate_p() -> None:
    count, p = 20000, 0.3
    deviation = (p * (1 - p) / count) ** 0.5
    for operation in ("scale", "aniso", "xfrac"):
        matrices = inverse_matrices((operation,), torch.tensor(p), draws(count), 32, 32)
        moved = (matrices != torch.eye(3)).any(dim=2).any(dim=1).float().mean()
        assert abs(float(moved) - p) < 5 * deviation
    for operation in ("brightness", "contrast", "hue", "saturation"):
        matrices = color_matrices((operation,), torch.tensor(p), draws(count), 3)
        changed = (matrices != torch.eye(4)).any(dim=2).any(dim=1).float().mean()
        assert abs(float(changed) - p) < 5 * deviation
    # turning before and after leaves 1 - p unturned
    turns = inverse_matrices(("rotate",), torch.tensor(p), draws(count), 32, 32)
    turned = (turns != torch.eye(3)).any(dim=2).any(dim=1).float().mean()
    assert abs(float(turned) - p) < 5 * deviation


def test_shares_of_a_batch_are_augmented_as_in_the_whole_batch() -> None:
    images, p = torch.randn(8, 3, 24, 24), torch.tensor(0.7)
    whole = augment(images, p, draws(8), PIPES["bgcfnc"], "bilinear")
    for share in range(2):
        mine = RandomDraws(torch.Generator().manual_seed(0), 8, share, 2)
        assert_close(augment(images[share::2], p, mine, PIPES["bgcfnc"], "bilinear"), whole[share::2])


def test_hue_keeps_luma_and_saturation_and_luma_flip_undoes_itself() -> None:
    images = torch.randn(3, 3, 4, 4, dtype=torch.float64)
    luma, colour = images.mean(dim=1), (images - images.mean(dim=1, keepdim=True)).norm(dim=1)
    turned = apply_color(images, color_matrices(("hue",), torch.ones(()), draws(3), 3).double())
    assert_close(turned.mean(dim=1), luma, rtol=1e-5, atol=1e-5)
    assert_close((turned - turned.mean(dim=1, keepdim=True)).norm(dim=1), colour, rtol=1e-5, atol=1e-5)
    flip = color_matrices(("lumaflip",), torch.ones(()), FixedDraws(0.9, 3), 3).double()
    assert_close(apply_color(apply_color(images, flip), flip), images, rtol=1e-5, atol=1e-5)
    assert_close(apply_color(images, flip).mean(dim=1), -luma, rtol=1e-5, atol=1e-5)


def test_a_hue_of_a_third_of_a_turn_permutes_the_primaries() -> None:
    class ThirdOfATurn(FixedDraws):
        def uniform(self, low: float, high: float, *, again: bool = False) -> Tensor:
            return torch.full((1,), 2 * pi / 3, dtype=torch.float64)

    matrix = color_matrices(("hue",), torch.ones(()), ThirdOfATurn(0.5, 1), 3)[0, :3, :3]
    assert_close(matrix.abs().round(), torch.eye(3, dtype=torch.float64).roll(1, 0), rtol=0, atol=0)


@pytest.mark.parametrize("pipe", ["color", "noise"])
def test_colour_leaves_alpha_alone(pipe: str) -> None:
    images = torch.randn(4, 4, 8, 8)
    changed = augment(images, torch.ones(()), draws(4), PIPES[pipe])
    assert torch.equal(changed[:, 3], images[:, 3])
    assert not torch.equal(changed[:, :3], images[:, :3])


def test_band_filters_add_up_to_the_signal_and_each_passes_its_octave() -> None:
    filters = torch.from_numpy(band_filters())
    impulse = torch.zeros(filters.shape[1], dtype=torch.float64)
    impulse[len(impulse) // 2] = 1
    assert_close(filters.sum(dim=0), impulse)
    response = torch.fft.rfft(torch.nn.functional.pad(filters, (0, 512 - filters.shape[1]))).abs()  # [4, 257]
    centres = [0, 48, 96, 256]  # zero frequency, and the middle or end of each octave in 1/512 of the sampling rate
    assert [int(response[:, c].argmax()) for c in centres] == [0, 1, 2, 3]


def test_band_gains_keep_the_expected_power() -> None:
    amounts = FixedDraws(0.9, 1).normal(1.0).exp2()
    gains = band_gains(torch.ones(()), FixedDraws(0.9, 1))[0]
    power = torch.tensor([10.0, 1, 1, 1], dtype=torch.float64) / 13
    expected = torch.ones(4, dtype=torch.float64)
    for band in range(4):
        gain = torch.ones(4, dtype=torch.float64)
        gain[band] = amounts
        expected *= gain / (power * gain**2).sum().sqrt()
    assert_close(gains, expected)


def test_equal_gains_scale_the_picture() -> None:
    images = torch.randn(2, 3, 24, 24, dtype=torch.float64)
    assert_close(amplify_bands(images, torch.full((2, 4), 3.0, dtype=torch.float64)), images * 9)  # along x and y


def test_the_hole_is_a_square_of_half_the_side() -> None:
    images = torch.ones(1, 3, 32, 32)
    cut = augment(images, torch.ones(()), FixedDraws(0.5, 1), ("cutout",))
    assert (cut == 0).sum() == 3 * 16 * 16
    assert (cut[:, :, 8:24, 8:24] == 0).all()


def test_colour_matrices_follow_the_published_order() -> None:
    together = color_matrices(COLOR, torch.ones(()), FixedDraws(0.8, 1), 3)[0]
    product = torch.eye(4, dtype=torch.float64)
    for name in ("brightness", "contrast", "lumaflip", "hue", "saturation"):
        product = color_matrices((name,), torch.ones(()), FixedDraws(0.8, 1), 3)[0] @ product
    assert_close(together, product)
