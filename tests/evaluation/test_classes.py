"""The share that comes out as asked is scikit-learn's nearest centroid's accuracy."""

import numpy as np
import pytest
from sklearn.neighbors import NearestCentroid

from evaluation.classes import share_in_asked


def test_it_is_the_accuracy_of_the_nearest_centroid() -> None:
    random = np.random.default_rng(0)
    labels, asked = random.choice([1, 4, 7], 90), random.choice([1, 4, 7], 60)
    centres = random.normal(size=(8, 5))
    real = (1000 + centres[labels] + random.normal(size=(90, 5))).astype(np.float32)
    fake = (1000 + centres[asked] + random.normal(size=(60, 5))).astype(np.float32)
    expected = NearestCentroid().fit(real.astype(np.float64), labels).score(fake.astype(np.float64), asked)
    assert 0.4 < expected < 0.95
    assert share_in_asked(real, labels, fake, asked) == pytest.approx(expected)
    assert share_in_asked(real, labels, fake, np.full(60, 2)) == 0  # a cluster without logos
