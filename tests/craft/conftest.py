"""Labelled logos, and one detector for the tests that look at pictures."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

import data.sample
from craft.calibrate import read_logo
from craft.detection import Detection, Detector

EVERY = 13


@pytest.fixture(scope="session")
def rows() -> list[dict[str, Any]]:
    """Each thirteenth of the labelled logos: sixty of all kinds."""
    return pq.read_table(Path(data.sample.__file__).with_name("text_labels.parquet")).to_pylist()[::EVERY]


@pytest.fixture(scope="session")
def logos(rows: list[dict[str, Any]]) -> list[NDArray[np.uint8]]:
    return [read_logo(row["png"]) for row in rows]


@pytest.fixture(scope="session")
def has_text(rows: list[dict[str, Any]]) -> NDArray[np.bool_]:
    return np.array([row["has_text"] for row in rows])


@pytest.fixture(scope="session")
def detector() -> Detector:
    return Detector()


@pytest.fixture(scope="session")
def detections(detector: Detector, logos: list[NDArray[np.uint8]]) -> list[Detection]:
    return detector.detect(logos)
