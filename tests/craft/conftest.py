"""Labelled logos, and one detector for the tests that look at pictures."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from PIL import Image

from craft.detection import Detection, Detector


@pytest.fixture(scope="session")
def rows() -> list[dict[str, Any]]:
    return pq.read_table(Path(__file__).with_name("labelled.parquet")).to_pylist()


@pytest.fixture(scope="session")
def logos(rows: list[dict[str, Any]]) -> list[NDArray[np.uint8]]:
    return [np.asarray(Image.open(io.BytesIO(row["png"])).convert("RGB")) for row in rows]


@pytest.fixture(scope="session")
def has_text(rows: list[dict[str, Any]]) -> NDArray[np.bool_]:
    return np.array([row["has_text"] for row in rows])


@pytest.fixture(scope="session")
def detector() -> Detector:
    return Detector()


@pytest.fixture(scope="session")
def detections(detector: Detector, logos: list[NDArray[np.uint8]]) -> list[Detection]:
    return detector.detect(logos)
