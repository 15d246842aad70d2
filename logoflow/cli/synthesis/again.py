"""`logoflow again`: an earlier output, made again."""

from pathlib import Path
from typing import Annotated

import typer

from logoflow.cli.output import StoreOption, console
from logoflow.cli.synthesis.command import COMMANDS
from logoflow.cli.synthesis.opened import sha256_of
from logoflow.cli.synthesis.perform import perform
from logoflow.cli.synthesis.record import read_record, request_of
from logoflow.errors import UserError
from logoflow.generators import choose_generator


def again(
    record: Annotated[Path, typer.Argument(help="The .json beside an earlier output.")],
    out: Annotated[Path | None, typer.Option(help="Where to; left out: beside the .json, where it was.")] = None,
    generator: Annotated[str | None, typer.Option(help="The generator, where its file has moved.")] = None,
    save_w: Annotated[Path | None, typer.Option(help="Also save w of what is drawn, as .safetensors.")] = None,
    store: StoreOption = None,
) -> None:
    """Make an earlier output again, byte for byte."""
    known = read_record(record)
    path = choose_generator(generator, store).path if generator else Path(known.generator["path"])
    if not path.is_file() or sha256_of(path) != known.generator["sha256"]:
        sha256 = known.generator["sha256"][:12]
        raise UserError(f"{record} needs the generator whose sha256 begins {sha256}: name its file with --generator.")
    request = request_of(known, generator=str(path), out=out or record.with_suffix(""), save_w=save_w)
    made = perform(COMMANDS[known.command], request, origin=None if generator else known.generator["origin"])
    same = sorted(made.values()) == sorted(known.files.values())
    before = ", ".join(f"{name} {version}" for name, version in known.versions.items())
    console.print("The bytes are the same." if same else f"The bytes differ; they were first made with {before}.")
