"""An augmentation must not leak: its operator on distributions must stay invertible up to the cap.

Most operations draw an element of a commutative group (turns, shifts, factors), so that the eigenvalues of the operator
are the Fourier transform of the drawn distribution: on a cyclic group a discrete one, of factors that of their
logarithm. A hole belongs to no group; there the operator is diagonal in the products of pixels. We draw many, and
compare with the derivations in the comments.
"""

from math import pi, sqrt
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from stylegan2.augment.bands import band_gains
from stylegan2.augment.color import COLOR, color_matrices
from stylegan2.augment.control import adjusted_strength
from stylegan2.augment.corruption import add_noise, cut_out
from stylegan2.augment.draws import RandomDraws
from stylegan2.augment.geometry import inverse_matrices
from stylegan2.settings import AugmentSettings, TrainingSettings

COUNT = 200_000
TOLERANCE = 6 / sqrt(COUNT)  # each eigenvalue is a mean of COUNT numbers of modulus one


def eigenvalues(operation: str, p: float, width: int = 32) -> NDArray[np.float64]:
    """Of the operator that the drawn moves make on functions of one cyclic group."""
    random = RandomDraws(torch.Generator().manual_seed(1), COUNT)
    matrices = inverse_matrices((operation,), torch.tensor(p), random, width, width)
    if operation == "xflip":
        elements, order = (matrices[:, 0, 0] < 0).long(), 2
    elif operation == "rotate90":
        elements, order = torch.round(torch.atan2(matrices[:, 1, 0], matrices[:, 0, 0]) / (pi / 2)).long() % 4, 4
    elif operation == "xint":
        elements, order = matrices[:, 0, 2].long() % width, width
    else:  # whole turns in 24 steps: the characters of the circle up to the twelfth
        angles = torch.atan2(matrices[:, 1, 0], matrices[:, 0, 0]).double().numpy()
        return np.array([np.exp(1j * k * angles).mean().real for k in range(12)])
    share = np.bincount(elements.numpy(), minlength=order) / COUNT
    return np.fft.fft(share).real


def expected(operation: str, p: float, width: int = 32) -> NDArray[np.float64]:
    if operation == "xflip":  # half of the applied flips are none: odd functions keep 1 - p
        return np.array([1, 1 - p])
    if operation == "rotate90":  # the uniform distribution removes every character but the trivial one
        return np.array([1, 1 - p, 1 - p, 1 - p])
    if operation == "rotate":  # sqrt(1 - p) before and after
        return np.array([1.0] + [1 - p] * 11)
    bound = width // 8  # uniform on [-bound, bound], rounded: the outermost shifts are half as likely
    shifts = np.zeros(width)
    for shift in range(-bound, bound + 1):
        shifts[shift % width] = (0.5 if abs(shift) == bound else 1.0) / (2 * bound)
    return (1 - p) + p * np.fft.fft(shifts).real


FREQUENCIES = np.array([0.0, 1.0, 2.5, 6.0, 20.0])


def drawn(operation: str, p: float) -> NDArray[np.float64]:
    """What an operation adds, or by which power of two it multiplies, many times."""
    strength, random = torch.tensor(p), RandomDraws(torch.Generator().manual_seed(2), COUNT)
    if operation == "noise":
        return add_noise(torch.zeros(COUNT, 1, 1, 1), strength, random).flatten().double().numpy()
    if operation in COLOR:
        matrices = color_matrices((operation,), strength, random, 3)
        across = torch.tensor([1.0, -1.0, 0.0, 0.0], dtype=torch.float64) / sqrt(2)  # perpendicular to the gray axis
        found = matrices[:, 0, 3] if operation == "brightness" else (across @ matrices @ across).log2()
    else:
        matrices = inverse_matrices((operation,), strength, random, 32, 32)
        found = matrices[:, 0, 2] / 32 if operation == "xfrac" else matrices[:, 0, 0].log2()
    return found.expand(COUNT).numpy()


@pytest.mark.parametrize("p", [0.0, 0.4, 0.8, 1.0])
@pytest.mark.parametrize(
    ("operation", "deviation"),
    [("scale", 0.2), ("aniso", 0.2), ("xfrac", 0.125), ("brightness", 0.2), ("contrast", 0.5), ("saturation", 1.0)],
)
def test_normal_families_keep_every_frequency(operation: str, deviation: float, p: float) -> None:
    found = np.exp(1j * FREQUENCIES[:, None] * drawn(operation, p)).mean(axis=1)
    # The transform of a normal distribution is positive, so this is too, even at p = 1.
    derived = 1 - p + p * np.exp(-((FREQUENCIES * deviation) ** 2) / 2)
    assert np.abs(found - derived).max() < TOLERANCE
    assert p == 1 or found.real.min() > 1 - p - TOLERANCE


@pytest.mark.parametrize("p", [0.4, 0.8, 1.0])
def test_noise_keeps_every_frequency(p: float) -> None:
    found = np.exp(1j * FREQUENCIES[:, None] * drawn("noise", p)).mean(axis=1)
    # A deviation that is itself normal, of deviation a, gives the transform 1 / sqrt(1 + a² w²).
    derived = 1 - p + p / np.sqrt(1 + (0.1 * FREQUENCIES) ** 2)
    assert np.abs(found - derived).max() < TOLERANCE
    assert found.real.min() > 0.4


@pytest.mark.parametrize("p", [0.4, 0.8])
def test_flips_of_luma_and_turns_of_hue_keep_every_character(p: float) -> None:
    random, strength = RandomDraws(torch.Generator().manual_seed(3), COUNT), torch.tensor(p)
    gray = torch.tensor([1.0, 1.0, 1.0, 0.0], dtype=torch.float64) / sqrt(3)
    flips = gray @ color_matrices(("lumaflip",), strength, random, 3) @ gray
    assert abs(float(flips.mean()) - (1 - p)) < TOLERANCE  # half of the applied flips are none
    turns = color_matrices(("hue",), strength, random, 3)
    one = torch.tensor([1.0, -1.0, 0.0, 0.0], dtype=torch.float64) / sqrt(2)
    two = torch.tensor([1.0, 1.0, -2.0, 0.0], dtype=torch.float64) / sqrt(6)
    angles = torch.atan2(two @ turns @ one, one @ turns @ one).numpy()
    for character in range(1, 12):  # the uniform distribution removes each of them
        assert abs(np.exp(1j * character * angles).mean() - (1 - p)) < TOLERANCE


@pytest.mark.parametrize("p", [0.4, 0.8])
def test_a_hole_keeps_every_product_of_pixels(p: float) -> None:
    side = 8
    random = RandomDraws(torch.Generator().manual_seed(4), COUNT)
    images = cut_out(torch.ones(COUNT, 1, side, side), torch.tensor(p), random)[:, 0].double().numpy()
    centre = (np.arange(side) + 0.5) / side
    covered = np.minimum(centre + 0.25, 1) - np.maximum(centre - 0.25, 0)  # of all centres, those within a quarter
    # A product of pixels vanishes where the hole hits one of them, and stays otherwise: an eigenvalue of 1 - p P(hit).
    assert np.abs(images.mean(axis=0) - (1 - p * np.outer(covered, covered))).max() < TOLERANCE
    opposite = 1 - 2 * p * covered[0] ** 2  # one hole cannot hit two opposite corners
    assert abs((images[:, 0, 0] * images[:, -1, -1]).mean() - opposite) < TOLERANCE
    assert abs(images.prod(axis=(1, 2)).mean() - (1 - p)) < TOLERANCE  # the least of all: every hole hits something


@pytest.mark.parametrize("p", [0.4, 0.8])
def test_filters_keep_the_frequencies_of_each_band(p: float) -> None:
    random = RandomDraws(torch.Generator().manual_seed(5), COUNT)
    logarithms = band_gains(torch.tensor(p), random).log2().numpy()
    power = np.array([10, 1, 1, 1]) / 13
    amounts = np.linspace(-9, 9, 3601)
    density = np.exp(-(amounts**2) / 2) / np.exp(-(amounts**2) / 2).sum()
    for band in range(4):
        found = np.exp(1j * FREQUENCIES[:, None] * logarithms[:, band]).mean(axis=1)
        derived = np.ones(len(FREQUENCIES), complex)
        for amplified in range(4):  # each band is amplified on its own, and what that adds to the power taken from all
            rest = np.log2(1 - power[amplified] + power[amplified] * 4**amounts) / 2
            change = (amounts if amplified == band else 0) - rest
            derived *= 1 - p + p * (np.exp(1j * FREQUENCIES[:, None] * change) * density).sum(axis=1)
        assert np.abs(found - derived).max() < TOLERANCE
        assert np.abs(found[:3]).min() > 0.05  # higher ones come near to what the draws tell from 0


@pytest.mark.parametrize("p", [0.0, 0.4, 0.8, 1.0])
@pytest.mark.parametrize("operation", ["xflip", "rotate90", "xint", "rotate"])
def test_the_drawn_operator_has_the_derived_eigenvalues(operation: str, p: float) -> None:
    assert np.abs(eigenvalues(operation, p) - expected(operation, p)).max() < TOLERANCE


@pytest.mark.parametrize("operation", ["xflip", "rotate90", "xint", "rotate"])
def test_every_eigenvalue_is_positive_at_the_cap(operation: str) -> None:
    cap = AugmentSettings().cap
    assert expected(operation, cap).min() > 0
    assert eigenvalues(operation, cap).min() > 0


def test_beyond_the_cap_the_uniform_shift_loses_a_frequency() -> None:
    wide = 4096  # where the shift is nearly continuous, and its transform a sinc at whole frequencies
    least = expected("xint", 1.0, wide).min()
    assert least == pytest.approx(np.sinc(np.arange(wide) / 4).min(), abs=1e-3)
    assert expected("xint", 1 / (1 - least), wide).min() == pytest.approx(0, abs=1e-9)
    assert 0.82 < 1 / (1 - least) < 0.83


def test_p_rises_while_the_discriminator_overfits_and_never_beyond_the_cap() -> None:
    settings = TrainingSettings()
    p = torch.zeros(())
    # batch 200, four steps: 0.0016 an adjustment (500 kimg from 0 to 1)
    assert float(adjusted_strength(p, torch.tensor(0.7), 800, settings)) == pytest.approx(0.0016)
    assert float(adjusted_strength(p, torch.tensor(0.5), 800, settings)) == 0
    for _ in range(1000):
        p = adjusted_strength(p, torch.tensor(1.0), 800, settings)
    assert float(p) == pytest.approx(0.8)
    for _ in range(499):
        p = adjusted_strength(p, torch.tensor(0.0), 800, settings)
    assert float(p) == pytest.approx(0.8 - 499 * 0.0016, abs=1e-4)
    # Trained networks overfit sooner: 100 kimg from 0 to 1, as published, unless another speed is asked for.
    start = settings.model_copy(update={"start_generator": Path("trained.safetensors")})
    assert float(adjusted_strength(torch.zeros(()), torch.tensor(0.7), 800, start)) == pytest.approx(0.008)
    slow = start.model_copy(update={"augment": AugmentSettings(speed_kimg=1000)})
    assert float(adjusted_strength(torch.zeros(()), torch.tensor(0.7), 800, slow)) == pytest.approx(0.0008)
