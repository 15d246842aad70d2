"""Hugging Face datasets reads our shards as pictures, pixel for pixel; what it writes, we read."""

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from PIL import Image

from data.images import Limits, decode, flatten
from data.intake import take_in
from data.sources import open_source
from data.table import SHARD, ShardWriter

LOAD = """
import sys, datasets
rows = datasets.load_dataset("parquet", data_files=sys.argv[1], split="train", cache_dir=sys.argv[2])
assert isinstance(rows.features["image"], datasets.Image), rows.features
for row in rows:
    image = row["image"].convert("RGBA")
    print(row["id"], image.width, image.height, image.tobytes().hex(), row["licence"], row["labels"])
rows.to_parquet(sys.argv[3])
"""


@pytest.fixture
def logos(tmp_path: Path, blocks: Callable[..., NDArray[np.uint8]]) -> Path:
    folder = tmp_path / "logos"
    folder.mkdir()
    for number, (suffix, channels) in enumerate([("png", 3), ("png", 4), ("webp", 3), ("gif", 1), ("bmp", 3)]):
        pixels = blocks(30 + number, 24, channels, seed=number).squeeze()
        options = {"lossless": True} if suffix == "webp" else {}
        Image.fromarray(pixels).save(folder / f"{number}.{suffix}", **options)
    return folder


def test_datasets_shows_our_shards_and_we_read_what_it_writes(tmp_path: Path, logos: Path) -> None:
    source = open_source("logos", logos, licence="MIT")
    taken = list(take_in(source.name, source.licence, source.read(source.entries()), Limits()))
    rows = {each.row.id: each for each in taken if each.row is not None}
    assert len(rows) == 5
    shard, written = tmp_path / SHARD, tmp_path / "written.parquet"
    with ShardWriter(shard) as writer:
        for each in taken:
            assert each.row is not None
            writer.add(each.row)

    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(shard), str(tmp_path / "cache"), str(written)],
        env={"HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    told = [line.split(maxsplit=5) for line in done.stdout.splitlines()]
    assert [line[0] for line in told] == list(rows)
    for identity, width, height, pixels, licence, _ in told:
        picture = rows[identity].pixels
        assert picture is not None
        expected = Image.fromarray(picture).convert("RGBA")
        assert (int(width), int(height), licence) == (*expected.size, "MIT")
        assert bytes.fromhex(pixels) == expected.tobytes()

    again = open_source("again", written)
    for raw, each in zip(again.read(again.entries()), taken, strict=True):
        assert raw.data is not None
        assert each.pixels is not None
        assert_array_equal(flatten(decode(raw.data, Limits()).pixels), flatten(each.pixels))
        assert Image.open(io.BytesIO(raw.data)).size == each.pixels.shape[1::-1]
