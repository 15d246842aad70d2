"""Human decisions: read as people write them, refused with a sentence where they cannot be understood."""

import csv
from pathlib import Path

import pytest

from logoflow.errors import UserError
from tasks.text_review import read_review, write_review

ROWS = [
    {"id": "ab", "has_text": True, "probability": 0.52, "decided_by": "craft"},
    {"id": "cd", "has_text": False, "probability": 0.48, "decided_by": "screen"},
]
NAMES = {"ab": "=HYPERLINK(1)", "cd": 'a "quoted", name'}


def test_a_template_that_was_filled_in_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "review.csv"
    write_review(path, ROWS, NAMES)
    assert read_review(path) == {}  # nobody has decided yet
    rows = list(csv.DictReader(path.open(newline="")))
    assert [row["id"] for row in rows] == ["ab", "cd"]
    assert [row["name"] for row in rows] == ["'=HYPERLINK(1)", 'a "quoted", name']
    for row, word in zip(rows, ("no", "Yes "), strict=True):
        row["has_text"] = word
    with path.open("w", newline="", encoding="utf-8-sig") as file:  # as spreadsheets write it
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    assert read_review(path) == {"ab": False, "cd": True}


def test_what_people_decided_stands_in_the_next_template(tmp_path: Path) -> None:
    path = tmp_path / "review.csv"
    write_review(path, [row | {"decided_by": "review"} for row in ROWS], NAMES)
    assert read_review(path) == {"ab": True, "cd": False}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "lacks the columns"),
        ("id;has_text\n", "lacks the columns"),
        ("id,has_text,has_text\nab,yes,no\n", "lacks the columns"),
        ("id,has_text\n,yes\n", "line 2 of .* decides on no id"),
        ('id,name,has_text\nab,"two\nlines",no\ncd,x,perhaps\n', "line 4 of .* says perhaps"),
        ("id,has_text\nab,maybe\n", "line 2 of .* says maybe: write yes or no"),
        ("id,has_text\nab,yes\nab,no\n", "both yes and no of ab"),
        ("name,has_text\nab,yes\n", "lacks the columns"),
        ("id,has_text\n\xff", "not a CSV file in UTF-8"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_a_sentence(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "review.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match=complaint):
        read_review(path)
