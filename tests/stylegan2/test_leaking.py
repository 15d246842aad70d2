"""An augmentation must not leak: its operator on distributions must stay invertible up to the cap.

Each discrete operation draws an element of a cyclic group, so its operator is a circulant matrix, whose eigenvalues are
the discrete Fourier transform of the drawn distribution. We draw many, and compare with the derivation in the comments.
"""

from math import pi, sqrt

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from stylegan2.augment.control import adjusted_strength
from stylegan2.augment.draws import RandomDraws
from stylegan2.augment.geometry import inverse_matrices
from stylegan2.settings import AugmentSettings

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
    settings = AugmentSettings()
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
