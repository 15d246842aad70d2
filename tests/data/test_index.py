"""One row per distinct picture: the source with priority decides, and every place it came from is kept."""

from data.index import EntryRecord, merge
from data.table import Origin, Picture


def entry(source: str, name: str, identity: str) -> EntryRecord:
    return EntryRecord(source, name, 0, f"version of {name}", identity, None, "", f"shard of {source}")


def picture(source: str, name: str, identity: str, pixels: str, licence: str, labels: dict[str, int]) -> Picture:
    return Picture(identity, pixels, b"bytes", name, 8, 8, "RGB", (Origin(source, name, 0),), labels, licence)


def test_equal_bytes_of_two_sources_keep_the_licence_of_the_one_with_priority() -> None:
    rows = {
        ("shard of first", "same"): picture("first", "a", "same", "pixels", "MIT", {"kind": 1}),
        ("shard of second", "same"): picture("second", "b", "same", "pixels", "CC0-1.0", {"kind": 2, "age": 3}),
    }
    entries = [entry("first", "a", "same"), entry("second", "b", "same")]
    for order in (rows, dict(reversed(rows.items()))):  # whatever order the shards were read in
        (row,) = merge(entries, order)
        assert row.licence == "MIT"
        assert row.labels == {"kind": 1, "age": 3}
        assert row.origins == (Origin("first", "a", 0), Origin("second", "b", 0))
    (row,) = merge(entries[::-1], rows)
    assert (row.licence, row.labels) == ("CC0-1.0", {"kind": 2, "age": 3})


def test_equal_pixels_are_one_row_and_rejected_entries_none() -> None:
    rows = {
        ("shard of first", "2"): picture("first", "a", "2", "pixels", "MIT", {}),
        ("shard of second", "1"): picture("second", "b", "1", "pixels", "MIT", {}),
        ("shard of second", "0"): picture("second", "c", "0", "others", "MIT", {}),
    }
    refused = EntryRecord("first", "d", 0, "version of d", None, "unreadable", "", None)
    entries = [entry("first", "a", "2"), refused, entry("second", "b", "1"), entry("second", "c", "0")]
    assert [(row.id, len(row.origins), row.data) for row in merge(entries, rows)] == [("0", 1, b""), ("2", 2, b"")]
