"""Blocks hold every entry once, within the limits, and are even."""

from hypothesis import given
from hypothesis import strategies as st

from data.blocks import cut_blocks
from data.sources import Entry

_sizes = st.one_of(st.lists(st.integers(1, 5000), max_size=80), st.lists(st.just(0), max_size=80))


def _entries(sizes: list[int]) -> list[Entry]:
    return [Entry(f"{index:03}", index, str(index), size=size) for index, size in enumerate(sizes)]


@given(_sizes, st.integers(1, 20), st.integers(1, 20_000))
def test_every_entry_is_in_one_block_in_order_and_the_limits_hold(sizes: list[int], images: int, most: int) -> None:
    entries = _entries(sizes)
    blocks = cut_blocks(entries, images, most)
    assert sorted((e for block in blocks for e in block), key=lambda e: e.position) == entries
    assert all(0 < len(block) <= images for block in blocks)
    assert all(list(block) == sorted(block, key=lambda e: e.position) for block in blocks)
    assert blocks == cut_blocks(entries, images, most)
    fewest = max(-(-len(sizes) // images), -(-sum(sizes) // most))
    assert len(blocks) == min(fewest, len(sizes))


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=80), st.integers(1, 20_000))
def test_where_only_bytes_limit_blocks_differ_by_less_than_the_largest_image(sizes: list[int], most: int) -> None:
    count = -(-sum(sizes) // most)
    blocks = cut_blocks(_entries(sizes), len(sizes), most)
    weights = [sum(e.size for e in block) for block in blocks]
    if count == 1 or all(len(block) < -(-len(sizes) // count) for block in blocks):
        assert max(weights) - min(weights) <= max(sizes)


def test_a_container_is_cut_where_it_can_be_read_in_one_pass() -> None:
    blocks = cut_blocks(_entries([0] * 10), 4, 1)
    assert [[entry.position for entry in block] for block in blocks] == [[0, 1, 2], [3, 4, 5], [6, 7, 8, 9]]
