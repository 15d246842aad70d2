"""Shards: rows come back as they went in, and equal rows are equal bytes."""

import hashlib
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from data.table import Origin, Picture, read_shard, write_shard

_text = st.text(st.characters(codec="utf-8"), max_size=20)
_origins = st.builds(Origin, _text, _text, st.integers(0, 2**40))
_pictures = st.builds(
    Picture,
    id=_text,
    pixel_sha256=_text,
    data=st.binary(max_size=200),
    path=_text,
    width=st.integers(1, 10_000),
    height=st.integers(1, 10_000),
    mode=st.sampled_from(["L", "LA", "RGB", "RGBA"]),
    origins=st.lists(_origins, max_size=3).map(tuple),
    labels=st.dictionaries(_text, st.integers(-(2**60), 2**60), max_size=3),
    licence=_text,
)


@settings(max_examples=30, deadline=None)
@given(st.lists(_pictures, max_size=5))
def test_rows_come_back_as_they_were_written(rows: list[Picture]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "shard.parquet"
        write_shard(path, rows)
        assert read_shard(path) == rows
        without = read_shard(path, images=False)
    assert [row.data for row in without] == [b""] * len(rows)
    assert [(row.id, row.path, row.origins, row.labels) for row in without] == [
        (row.id, row.path, row.origins, row.labels) for row in rows
    ]


def test_equal_rows_are_equal_bytes_whatever_the_order_of_their_labels(tmp_path: Path) -> None:
    digests = set()
    for labels in ({"a": 1, "b": 2}, {"b": 2, "a": 1}):
        row = Picture("id", "px", b"png", "a.png", 20, 20, "RGB", (Origin("s", "a.png", 0),), labels, "MIT")
        write_shard(tmp_path / "shard.parquet", [row] * 3)
        digests.add(hashlib.sha256((tmp_path / "shard.parquet").read_bytes()).hexdigest())
    assert len(digests) == 1


def test_the_schema_tells_datasets_that_image_holds_pictures(tmp_path: Path) -> None:
    write_shard(tmp_path / "shard.parquet", [])
    schema = pq.read_schema(tmp_path / "shard.parquet")
    metadata = json.loads(schema.metadata[b"huggingface"])
    assert metadata["info"]["features"]["image"] == {"_type": "Image"}
    assert [field.name for field in schema.field("image").type] == ["bytes", "path"]
