"""Human decisions on text: a CSV file with the columns id and has_text, whatever else stands in it."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from logoflow.errors import UserError

WORDS = {"true": True, "yes": True, "1": True, "text": True, "false": False, "no": False, "0": False, "symbol": False}


def read_review(path: Path) -> dict[str, bool]:
    """Whether each picture has text, by id, as people decided; rows without a decision are left out.

    Raises:
        UserError: a column is missing, a decision is not understood, or two contradict each other.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:  # spreadsheets write a byte order mark
            reader = csv.DictReader(file)
            rows = [(reader.line_num, row) for row in reader]
            columns = list(reader.fieldnames or ())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"detect_text.review: {path} is not a CSV file in UTF-8: save it as one.") from error
    if columns.count("id") != 1 or columns.count("has_text") != 1:
        raise UserError(f"detect_text.review: {path} lacks the columns id and has_text: fill in a review.csv.")
    decisions: dict[str, bool] = {}
    for number, row in rows:
        identity, word = (str(row.get(column) or "").strip() for column in ("id", "has_text"))
        if not word:
            continue
        if not identity:
            raise UserError(f"detect_text.review: line {number} of {path} decides on no id: fill it in, or drop it.")
        if word.lower() not in WORDS:
            raise UserError(f"detect_text.review: line {number} of {path} says {word}: write yes or no.")
        if decisions.setdefault(identity, WORDS[word.lower()]) != WORDS[word.lower()]:
            raise UserError(f"detect_text.review: {path} says both yes and no of {identity}: keep one line of it.")
    return decisions


def write_review(path: Path, rows: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> None:
    """Write pictures to decide on, the last column empty but where people have decided.

    Args:
        path: where to.
        rows: decisions, in the order in which they are to be reviewed.
        names: what each picture is called, by id.
    """
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("id", "name", "probability", "decision", "has_text"))
        for row in rows:
            decision = "text" if row["has_text"] else "symbol"
            verdict = ("yes" if row["has_text"] else "no") if row["decided_by"] == "review" else ""
            writer.writerow((row["id"], harmless(names[row["id"]]), f"{row['probability']:.3f}", decision, verdict))


def harmless(name: str) -> str:
    """A name that no spreadsheet takes for a formula."""
    return f"'{name}" if name[:1] in ("=", "+", "-", "@", "\t", "\r") else name
