"""Directions against scikit-learn's principal components and NumPy's eigenvectors of the definition."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch.testing import assert_close

from stylegan2 import directions
from stylegan2.directions import SAMPLES, factorised_directions, moved, principal_directions, style_matrix
from stylegan2.generator import Generator
from stylegan2.sampling import mapped
from stylegan2.streams import stream


def within_classes(generator: Generator, classes: list[int]) -> np.ndarray:
    """The w that directions are found in, less the mean of their class, drawn class by class."""
    z = torch.randn(SAMPLES, generator.settings.z_dim, generator=stream(0, "directions", 0))
    parts = []
    for place, label in enumerate(classes):
        own = z[place :: len(classes)]
        w = generator.map(own, torch.full((len(own),), label))[:, 0].double().numpy()
        parts.append(w - w.mean(axis=0))
    return np.concatenate(parts)


@pytest.mark.parametrize("classes", [None, [1], [0, 2]])
def test_principal_directions_are_those_of_scikit_learn(generator: Generator, classes: list[int] | None) -> None:
    w = within_classes(generator, classes or [0, 1, 2])
    pca = PCA(4, svd_solver="full").fit(w)
    found = principal_directions(generator, 4, classes)
    cosines = np.abs((found.vectors.double().numpy() * pca.components_).sum(axis=1))
    assert_close(cosines, np.ones(4), rtol=0, atol=1e-5)
    assert_close(found.shares.double().numpy(), pca.explained_variance_ratio_, rtol=1e-4, atol=1e-6)
    assert_close(found.deviations.double().numpy(), np.sqrt(pca.explained_variance_), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("layers", [None, [1, 2]])
def test_factorised_directions_are_eigenvectors_of_the_definition(
    generator: Generator, layers: list[int] | None
) -> None:
    chosen = range(generator.settings.layers) if layers is None else layers
    synthesis = generator.synthesis
    rows = []  # what styles become for a unit step along each axis of w: the affine maps, measured
    for layer in chosen:
        affine = (synthesis.convolutions[layer] if layer < 5 else synthesis.pictures[-1]).affine
        rows.append((affine(torch.eye(8)) - affine(torch.zeros(1, 8))).T.double().numpy())
    style = np.concatenate(rows)
    assert_close(style_matrix(generator, chosen).numpy(), style, rtol=1e-5, atol=1e-6)
    values, vectors = np.linalg.eig(style.T @ style)
    order = np.argsort(values)[::-1][:5]
    found = factorised_directions(generator, 5, layers)
    cosines = np.abs((found.vectors.double().numpy() * vectors[:, order].T).sum(axis=1))
    assert_close(cosines, np.ones(5), rtol=0, atol=1e-5)
    assert_close(found.shares.double().numpy(), values[order] / values.sum(), rtol=1e-5, atol=1e-7)
    along = within_classes(generator, [0, 1, 2]) @ found.vectors.double().numpy().T
    assert_close(found.deviations.double().numpy(), np.sqrt((along**2).sum(axis=0) / (SAMPLES - 3)), rtol=1e-4, atol=0)


def test_the_sign_of_a_direction_is_settled(generator: Generator) -> None:
    for found in (principal_directions(generator, 8), factorised_directions(generator, 8)):
        largest = found.vectors.gather(1, found.vectors.abs().argmax(dim=1, keepdim=True))
        assert (largest > 0).all()
        assert_close(found.vectors @ found.vectors.T, torch.eye(8), rtol=0, atol=1e-5)


def test_moving_changes_the_chosen_layers_only_and_the_middle_is_the_picture(
    generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directions, "SAMPLES", 300)
    ws = mapped(generator, [1, 2], [0, 1])
    found = principal_directions(generator, 3)
    strips = moved(ws, found, 2.0, 5, [0, 4])
    assert strips.shape == (2, 3, 5, *ws.shape[1:])
    assert torch.equal(strips[:, :, 2], ws[:, None].expand(-1, 3, -1, -1))
    still = [layer for layer in range(ws.shape[1]) if layer not in (0, 4)]
    assert torch.equal(strips[:, :, :, still], ws[:, None, None, still].expand(-1, 3, 5, -1, -1))
    expected = ws[1, 4] - 2 * found.deviations[2] * found.vectors[2]
    assert_close(strips[1, 2, 0, 4], expected)
