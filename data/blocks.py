"""Cutting the entries of a source into blocks that are even work and become even shards."""

import heapq
import itertools
from collections.abc import Sequence

from data.sources.source import Entry


def cut_blocks(entries: Sequence[Entry], max_images: int, max_bytes: int) -> list[tuple[Entry, ...]]:
    """As few blocks as the limits allow, all of about the same size, which depend on nothing but the entries.

    Args:
        entries: in the order of their source.
        max_images: of one block.
        max_bytes: encoded, of one block; passed by at most the largest image, and known for files only.

    Returns:
        Blocks of even size: in bytes where these are known, else in images. Within each, entries keep their order.
    """
    count = max(_parts(len(entries), max_images), _parts(sum(entry.size for entry in entries), max_bytes))
    count = min(count, len(entries))
    if any(entry.size for entry in entries):
        return _deal(entries, count)
    bounds = [len(entries) * index // count for index in range(count + 1)] if count else []
    return [tuple(entries[start:end]) for start, end in itertools.pairwise(bounds)]


def _deal(entries: Sequence[Entry], count: int) -> list[tuple[Entry, ...]]:
    """Give each entry, the largest first, to the block that is lightest so far and not full."""
    most = _parts(len(entries), count) if count else 0
    blocks: list[list[int]] = [[] for _ in range(count)]
    open_blocks = [(0, number) for number in range(count)]  # bytes, number; a heap
    for index in sorted(range(len(entries)), key=lambda index: (-entries[index].size, index)):
        weight, number = heapq.heappop(open_blocks)
        blocks[number].append(index)
        if len(blocks[number]) < most:
            heapq.heappush(open_blocks, (weight + entries[index].size, number))
    return [tuple(entries[index] for index in sorted(block)) for block in blocks]


def _parts(whole: int, limit: int) -> int:
    """How many parts of at most `limit` make up a whole."""
    return -(-whole // limit)
