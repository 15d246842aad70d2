"""The logos of the sample whose text people labelled."""

import io
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from PIL import Image

import data.sample

LABELLED: list[dict[str, Any]] = pq.read_table(Path(data.sample.__file__).with_name("text_labels.parquet")).to_pylist()


def drawn(row: dict[str, Any]) -> Image.Image:
    """The picture of one, RGB."""
    return Image.open(io.BytesIO(row["png"])).convert("RGB")
