"""Tables: names and figures are never cut."""

import pytest
from rich.console import Console

from logoflow.cli import output

COLUMNS = ("run", "kimg", "Fréchet", "message")
ROWS = [
    {"run": "20261123-021952-bad284", "kimg": 5.008, "Fréchet": 206.8, "message": "all of it"},
    {"run": "20261123-021853-f5b407", "kimg": "", "Fréchet": "", "message": "cancelled during [detect_text]; go on"},
]


@pytest.mark.parametrize("width", [20, 50, 80])
def test_a_terminal_of_any_width_shows_names_and_figures_whole(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(output, "console", Console(width=width, force_terminal=True))
    output.print_rows(COLUMNS, ROWS, False)
    _, first, second, *_ = capsys.readouterr().out.splitlines()
    assert first.split()[:3] == ["20261123-021952-bad284", "5.008", "206.8"]
    assert second.split()[0] == "20261123-021853-f5b407"


def test_a_sentence_wraps_between_words_and_loses_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(output, "console", Console(width=60, force_terminal=True))
    output.print_rows(COLUMNS, ROWS, False)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 3
    assert max(map(len, lines[1:])) <= 60
    assert " ".join(lines[2:]).split()[1:] == ["cancelled", "during", "[detect_text];", "go", "on"]


def test_without_a_terminal_each_row_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_rows(COLUMNS, [{**ROWS[1], "message": "word " * 200}], False)
    assert len(capsys.readouterr().out.splitlines()) == 2
