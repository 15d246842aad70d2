"""Parquet: the layouts people have, read in any order, by rows."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.limits import Reason
from data.sources import SourceError, open_source
from data.table import Origin, Picture, write_shard

_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def test_rows_with_names_labels_and_licences_are_read(tmp_path: Path, png: Callable[[int], bytes]) -> None:
    table = pa.table(
        {
            "image": pa.array([{"bytes": png(seed), "path": f"p{seed}.png"} for seed in range(3)], _IMAGE),
            "name": ["a", None, "c"],
            "label": pa.array([4, None, 6], pa.int8()),
            "license": ["MIT", "CC0-1.0", None],
        }
    )
    pq.write_table(table, tmp_path / "logos.parquet")
    source = open_source("table", tmp_path / "logos.parquet")
    entries = source.entries()
    assert [(entry.name, entry.position) for entry in entries] == [("a", 0), ("logos.parquet#1", 1), ("c", 2)]
    raws = list(source.read(entries))
    assert [raw.data for raw in raws] == [png(0), png(1), png(2)]
    assert [raw.labels for raw in raws] == [{"label": 4}, {}, {"label": 6}]
    assert [raw.licence for raw in raws] == ["MIT", "CC0-1.0", None]


def test_a_plain_binary_column_is_read(tmp_path: Path, png: Callable[[int], bytes]) -> None:
    pq.write_table(pa.table({"png": [png(0), png(1)], "has_text": [True, False]}), tmp_path / "logos.parquet")
    source = open_source("table", tmp_path / "logos.parquet")
    assert [raw.data for raw in source.read(source.entries())] == [png(0), png(1)]


def test_rows_come_in_the_order_asked_for_across_row_groups_and_batches(tmp_path: Path) -> None:
    data = [b"image %d" % index for index in range(500)]
    pq.write_table(pa.table({"image": data}), tmp_path / "logos.parquet", row_group_size=150)
    source = open_source("table", tmp_path / "logos.parquet")
    entries = source.entries()
    for order in (entries, entries[::-1], entries[7:450:13], [entries[149], entries[150], entries[3], entries[3]]):
        assert [raw.data for raw in source.read(order)] == [data[entry.position] for entry in order]


def test_a_folder_of_files_is_one_source_whose_old_rows_keep_their_versions(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for part in range(2):
        table = pa.table({"image": [b"%d %d" % (part, row) for row in range(3)]})
        pq.write_table(table, tmp_path / "data" / f"train-{part}.parquet")
    source = open_source("table", tmp_path)
    before = source.entries()
    assert [raw.data for raw in source.read(before)] == [
        b"%d %d" % (part, row) for part in range(2) for row in range(3)
    ]
    pq.write_table(pa.table({"image": [b"more"]}), tmp_path / "data" / "train-2.parquet")
    grown = open_source("table", tmp_path)
    assert grown.entries()[:6] == before
    assert len(grown.entries()) == 7
    assert grown.digest() != source.digest()


def test_rows_of_several_files_are_told_apart_by_their_files(tmp_path: Path, png: Callable[[int], bytes]) -> None:
    for number, file in enumerate(("lang=de/0.parquet", "lang=en/0.parquet")):
        (tmp_path / file).parent.mkdir()
        image = pa.array([{"bytes": png(number), "path": path} for path in ("x/a.png", None)])
        pq.write_table(pa.table({"image": image}), tmp_path / file)
    names = [entry.name for entry in open_source("two", tmp_path, "parquet").entries()]
    assert names == [
        "lang=de/0.parquet/x/a.png",
        "lang=de/0.parquet#1",
        "lang=en/0.parquet/x/a.png",
        "lang=en/0.parquet#1",
    ]
    labelled = open_source("two", tmp_path, "parquet", labels="folders").entries()
    assert [dict(entry.labels) for entry in labelled] == [{"folder": 0}, {}, {"folder": 0}, {}]


def test_the_image_table_is_itself_a_source(tmp_path: Path, png: Callable[[int], bytes]) -> None:
    row = Picture("id", "px", png(1), "a.png", 24, 20, "RGB", (Origin("s", "a.png", 0),), {"k": 1}, "MIT")
    write_shard(tmp_path / "shard.parquet", [row])
    source = open_source("table", tmp_path / "shard.parquet")
    (raw,) = source.read(source.entries())
    assert (raw.entry.name, raw.data, raw.licence) == ("a.png", png(1), "MIT")


def test_a_row_without_bytes_is_quarantined(tmp_path: Path, png: Callable[[int], bytes]) -> None:
    images = [{"bytes": None, "path": "/etc/passwd"}, {"bytes": png(1), "path": None}, None]
    pq.write_table(pa.table({"image": pa.array(images, _IMAGE)}), tmp_path / "logos.parquet")
    source = open_source("table", tmp_path / "logos.parquet")
    problems = [raw.problem and raw.problem.reason for raw in source.read(source.entries())]
    assert problems == [Reason.unreadable, None, Reason.unreadable]


def test_tables_that_hold_no_images_are_errors_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "logos.parquet"
    pq.write_table(pa.table({"text": ["a"], "image": [1]}), path)
    with pytest.raises(SourceError, match=r"no column of images: name it image or png .* it has text, image"):
        open_source("table", path).entries()
    pq.write_table(pa.table({"image": pa.array([], pa.binary())}), path)
    with pytest.raises(SourceError, match="holds no rows"):
        open_source("table", path).entries()
    pq.write_table(pa.table({"image": [b"x" * 5000]}), path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(SourceError, match=r"damaged or not whole .*: copy or download it again"):
        open_source("table", path).entries()


def _described(table: pa.Table, **features: str) -> pa.Table:
    """A table with Hugging Face's description of its features."""
    described = {"info": {"features": {name: {"_type": kind} for name, kind in features.items()}}}
    return table.replace_schema_metadata({"huggingface": json.dumps(described)})


def test_columns_that_the_table_itself_describes_are_read_whatever_they_are_called(
    tmp_path: Path, png: Callable[[int], bytes]
) -> None:
    table = pa.table(
        {
            "image": ["not", "it"],
            "logo": pa.array([{"bytes": png(seed), "path": f"p{seed}.png"} for seed in range(2)], _IMAGE),
            "brand": pa.array([5, None], pa.int64()),
            "width": pa.array([24, 24]),
            "label": pa.array([1, 2], pa.uint8()),
        }
    )
    described = _described(table, image="Value", logo="Image", brand="ClassLabel", width="Value", gone="ClassLabel")
    pq.write_table(described, tmp_path / "logos.parquet")
    source = open_source("table", tmp_path / "logos.parquet")
    raws = list(source.read(source.entries()))
    assert [(raw.entry.name, raw.data, raw.labels) for raw in raws] == [
        ("p0.png", png(0), {"brand": 5, "label": 1}),
        ("p1.png", png(1), {"label": 2}),
    ]


@pytest.mark.parametrize("metadata", [b"no json", b"[1]", b'{"info": null}', b'{"info": {"features": {"image": 3}}}'])
def test_a_description_that_is_garbage_is_ignored(tmp_path: Path, png: Callable[[int], bytes], metadata: bytes) -> None:
    table = pa.table({"image": [png(0)]}).replace_schema_metadata({"huggingface": metadata})
    pq.write_table(table, tmp_path / "logos.parquet")
    source = open_source("table", tmp_path / "logos.parquet")
    assert [raw.data for raw in source.read(source.entries())] == [png(0)]


@pytest.mark.parametrize(
    "kind",
    [
        pa.large_binary(),
        pa.binary_view(),
        pa.struct([("bytes", pa.large_binary()), ("path", pa.large_string())]),
        pa.struct([("path", pa.string()), ("bytes", pa.binary())]),
        pa.dictionary(pa.int32(), pa.binary()),
    ],
    ids=str,
)
def test_bytes_of_every_storage_are_read(tmp_path: Path, png: Callable[[int], bytes], kind: pa.DataType) -> None:
    is_struct = pa.types.is_struct(kind)
    values = [{"bytes": png(seed), "path": None} if is_struct else png(seed) for seed in (0, 1, 0)]
    images = pa.array(values).dictionary_encode() if pa.types.is_dictionary(kind) else pa.array(values, kind)
    table = pa.table(
        {
            "image": images,
            "name": pa.array(["a", "b", "a"]).dictionary_encode(),
            "license": pa.array(["MIT", "MIT", None]).dictionary_encode(),
            "label": pa.array([3, 3, 4]).dictionary_encode(),
        }
    )
    pq.write_table(table, tmp_path / "logos.parquet")
    source = open_source("table", tmp_path / "logos.parquet")
    raws = list(source.read(source.entries()))
    assert [raw.data for raw in raws] == [png(0), png(1), png(0)]
    assert [raw.entry.name for raw in raws] == ["a", "b", "a"]
    assert [(raw.licence, raw.labels["label"]) for raw in raws] == [("MIT", 3), ("MIT", 3), (None, 4)]


def test_a_folder_whose_tables_lie_deeper_says_how_to_read_it(tmp_path: Path, png: Callable[[int], bytes]) -> None:
    (tmp_path / "en" / "train").mkdir(parents=True)
    pq.write_table(pa.table({"image": [png(0)]}), tmp_path / "en" / "train" / "0.parquet")
    with pytest.raises(SourceError, match="holds no images but Parquet files: read it as kind: parquet"):
        open_source("table", tmp_path).entries()
    assert len(open_source("table", tmp_path, "parquet").entries()) == 1
