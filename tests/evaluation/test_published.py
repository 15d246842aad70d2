"""All metrics against published implementations on the same features.

prdc runs here. clean-fid does not install beside our torch, since it needs torchvision: its two numbers were computed
once, by version 0.1.35, on the features that the fixture draws.
"""

import numpy as np
import pytest
from prdc import compute_prdc

from evaluation.coverage import density_coverage, precision_recall
from evaluation.distances import Features
from evaluation.frechet import frechet_distance
from evaluation.kernel import kernel_distance

CLEAN_FID, CLEAN_KID = 5.458859195670868, 0.1606585681438446


@pytest.fixture
def both() -> tuple[Features, Features]:
    random = np.random.default_rng(0)
    mixture = random.standard_normal((48, 48)) / 7
    real = random.standard_normal((400, 48)) @ mixture + 0.5
    fake = random.standard_normal((400, 48)) @ mixture * 1.2 + 0.6
    return real.astype(np.float32), fake.astype(np.float32)


def test_distances_equal_clean_fids(both: tuple[Features, Features]) -> None:
    assert frechet_distance(*both) == pytest.approx(CLEAN_FID, rel=1e-6)
    assert kernel_distance(*both, subsets=1).mean == pytest.approx(CLEAN_KID, rel=1e-6)


@pytest.mark.parametrize("k", [3, 5])
def test_balls_equal_prdcs(both: tuple[Features, Features], k: int) -> None:
    expected = compute_prdc(real_features=both[0], fake_features=both[1], nearest_k=k)
    found = {**precision_recall(*both, k)._asdict(), **density_coverage(*both, k)._asdict()}
    assert found == pytest.approx(expected, rel=1e-9)
