"""One row per distinct picture: the source with priority decides, and every place it came from is kept."""

from pathlib import Path

from data.index import (
    EntryRecord,
    Outcome,
    merge,
    read_entries,
    read_index,
    read_outcomes,
    read_places,
    write_entries,
    write_index,
    write_outcomes,
)
from data.sources import Entry
from data.table import Origin


def record(source: str, name: str, identity: str, pixels: str, licence: str | None = "", **labels: int) -> EntryRecord:
    outcome = Outcome(identity, None, "", pixels, 8, 9, "RGB", False, tuple(sorted(labels.items())), licence)
    return EntryRecord(source, Entry(name, 0, f"version of {name}"), outcome, f"shard of {source}")


REFUSED = EntryRecord("first", Entry("d", 3, "version of d"), Outcome("x", "blank", "one colour"), None)


def test_equal_bytes_of_two_sources_keep_the_licence_of_the_one_with_priority() -> None:
    records = [
        record("first", "a", "same", "pixels", "MIT", kind=1),
        record("second", "b", "same", "pixels", "CC0-1.0", kind=2, age=3),
    ]
    (row,) = merge(records, {})
    assert (row.licence, row.labels) == ("MIT", {"kind": 1, "age": 3})
    assert row.origins == (Origin("first", "a", 0), Origin("second", "b", 0))
    (row,) = merge(records[::-1], {})
    assert (row.licence, row.labels) == ("CC0-1.0", {"kind": 2, "age": 3})
    unstated = record("first", "a", "same", "pixels", None)
    assert [row.licence for row in merge([unstated], {"first": "CC-BY-4.0"})] == ["CC-BY-4.0"]


def test_equal_pixels_are_one_row_and_rejected_entries_none() -> None:
    records = [
        record("first", "a", "2", "pixels"),
        REFUSED,
        record("second", "b", "1", "pixels"),
        record("second", "c", "0", "others"),
    ]
    assert [(row.id, len(row.origins), row.data) for row in merge(records, {})] == [("0", 1, b""), ("2", 2, b"")]


def test_tables_give_back_what_was_written(tmp_path: Path) -> None:
    records = [record("first", "a", "2", "pixels", "MIT", kind=1, age=3), REFUSED, record("second", "a", "2", "pixels")]
    write_entries(tmp_path / "entries.parquet", records)
    assert read_entries(tmp_path / "entries.parquet") == records
    assert read_places(tmp_path / "entries.parquet") == {"2": "shard of first"}
    outcomes = [r.outcome for r in records]
    write_outcomes(tmp_path / "outcomes.parquet", outcomes)
    assert read_outcomes(tmp_path / "outcomes.parquet") == outcomes
    rows = merge(records, {})
    write_index(tmp_path / "images.parquet", rows)
    (row,) = read_index(tmp_path / "images.parquet")
    assert (row.id, row.origins, row.labels, row.licence) == ("2", rows[0].origins, {"kind": 1, "age": 3}, "MIT")
