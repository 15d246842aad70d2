"""Lays a table out: numbers of a column with equally many decimals, so that they can be compared at a glance."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from logoflow.report.formats import DASH, MINUS, number, value
from logoflow.report.page import Cell, Table

MOST_DIGITS = 6  # more in a column, such as of 106.2 and 0.00081, are not there to compare: each has its own decimals


@dataclass(frozen=True)
class LaidOut:
    """A table as text; `numeric` says which columns hold numbers and are set to the right."""

    table: Table
    numeric: tuple[bool, ...]
    rows: tuple[tuple[str, ...], ...]


def lay_out(table: Table) -> LaidOut:
    """Turn the cells of a table into text, column by column."""
    columns = [[row[place] for row in table.rows] for place in range(len(table.columns))]
    numeric = tuple(_is_numeric(column) for column in columns)
    texts = [
        _numbers(column) if right else [value(cell) for cell in column]
        for column, right in zip(columns, numeric, strict=True)
    ]
    return LaidOut(table, numeric, tuple(zip(*texts, strict=True)))


def _is_numeric(column: Sequence[Cell]) -> bool:
    present = [cell for cell in column if cell is not None]
    return bool(present) and not any(isinstance(cell, str) for cell in present)


def _numbers(column: Sequence[Cell]) -> list[str]:
    """Numbers with the decimals of the one that has most, unless they lie far apart: 0.8, 0.755 → "0.800", "0.755"."""
    values = [math.nan if cell is None else float(cell) for cell in column]
    shortest = [number(content) for content in values if math.isfinite(content)]
    decimals = max((len(text.partition(".")[2]) for text in shortest), default=0)
    digits = max((len(text.partition(".")[0].lstrip(MINUS).replace(",", "")) for text in shortest), default=0)
    if any("e" in text for text in shortest) or (decimals and digits + decimals > MOST_DIGITS):
        return [number(content) if math.isfinite(content) else DASH for content in values]
    return [f"{x:,.{decimals}f}".replace("-", MINUS) if math.isfinite(x) else DASH for x in values]
