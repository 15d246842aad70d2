"""Tables for people and JSON for programs, and the options that commands share."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from logoflow.errors import UserError
from logoflow.resolve import Place, Workspace
from logoflow.run import STORE_VARIABLE, default_store, existing_workspace

console = Console(highlight=False, soft_wrap=True)
complaints = Console(stderr=True, highlight=False, soft_wrap=True)

ConfigArgument = Annotated[Path, typer.Argument(help="YAML file of the experiment.")]
SetOption = Annotated[list[str], typer.Option("--set", help="Override a key: cluster.k=12. May be repeated.")]
StoreOption = Annotated[
    str | None,
    typer.Option("--store", help=f"Folder or s3:// address of the store; else ${STORE_VARIABLE}, else ./.logoflow."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]

DEMO = Path("configs/demo.yaml")
SENTENCES = ("reason", "message", "problem", "outcome", "found")
"""Columns that wrap."""
ONE_LINE = 10_000  # letters


def debugging() -> bool:
    """Whether tracebacks were asked for."""
    return "--debug" in sys.argv


def open_workspace(store: Place | None) -> Workspace:
    """The store that a command looks at.

    Raises:
        UserError: there is none, or the folder holds other things.
    """
    found = existing_workspace(store)
    if found is None:
        raise UserError(f"{store or default_store()} is no store: run the pipeline first, or name its --store.")
    return found


def print_rows(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    """Print rows as a table, or all that they hold as JSON.

    Sentences are wrapped, names and figures never; where there is no terminal, each row is one line.
    """
    if as_json:
        print(json.dumps(list(rows), indent=1, default=str))
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        cells = [str(row.get(column, "")) for row in rows]
        whole = None if column in SENTENCES else max(map(cell_len, (column, *cells)))
        table.add_column(column, min_width=whole, no_wrap=whole is not None, overflow="fold")
    for row in rows:
        table.add_row(*(str(row.get(column, "")) for column in columns))
    wide = Console(width=ONE_LINE, highlight=False)
    if console.is_terminal:
        wide.width = max(console.width, Measurement.get(wide, wide.options, table).minimum)
    wide.print(table, markup=False)


def check_out(path: Path | None) -> None:
    """Refuse a file that a table could not be written to, before work is done for it.

    Raises:
        UserError: it is no .parquet file, or its folder is not there.
    """
    _check_file("--out", path, (".parquet",), "a Parquet table")


def check_sheet(path: Path | None) -> None:
    """Refuse a file that a contact sheet could not be written to, before work is done for it.

    Raises:
        UserError: it is no picture that we write, or its folder is not there.
    """
    _check_file("--sheet", path, (".png", ".jpg", ".jpeg", ".webp"), "a picture")


def _check_file(option: str, path: Path | None, suffixes: tuple[str, ...], what: str) -> None:
    if path is not None and (path.suffix.lower() not in suffixes or path.is_dir()):
        names = " or ".join(filter(None, (", ".join(suffixes[:-1]), suffixes[-1])))
        raise UserError(f"{option} is {path}, but {what} is written: give a file that ends in {names}.")
    if path is not None and not path.absolute().parent.is_dir():
        raise UserError(f"{option} is {path}, but there is no such folder: make it, or give another.")


def bytes_in_words(count: float) -> str:
    """12345678 -> "12.3 MB"."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def seconds_in_words(seconds: float) -> str:
    """75.3 -> "1 min 15 s"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
