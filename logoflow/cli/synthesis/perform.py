"""What every drawing command does: open the generator, draw, write, and record how it was made."""

from pathlib import Path
from typing import Annotated

import typer

from logoflow.cli.output import StoreOption, console
from logoflow.cli.synthesis.command import COMMANDS, Command
from logoflow.cli.synthesis.opened import open_generator, sha256_of
from logoflow.cli.synthesis.record import keep_sources, read_record, request_of, write_record
from logoflow.cli.synthesis.request import Request
from logoflow.cli.synthesis.writing import check_video, write
from logoflow.errors import UserError
from logoflow.generators import choose_generator


def perform(command: Command, request: Request) -> dict[str, str]:
    """Draw what is asked for and write it; the sha256 of each file that was written, by name."""
    check_video(request)
    keep_sources(request)
    opened = open_generator(request.generator, request.store)
    opened.check_layers(request.truncated_layers)
    drawing = command.draw(opened, request)
    try:
        files = write(drawing, request, command.moving)
        if request.save_w is not None:
            from stylegan2.saved import save_w

            save_w(request.save_w, drawing.asked.ws, drawing.asked.weights)
        record = write_record(command, request, opened, drawing, files)
    except OSError as error:
        where = error.filename or request.out
        raise UserError(f"{where} cannot be written ({error.strerror or error}): give --out another place.") from error
    if drawing.note:
        console.print(drawing.note)
    console.print(f"Drawn by {opened.origin}: {request.out} (`logoflow again {record}` makes it again).")
    return {path.name: sha256_of(path) for path in files}


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
    made = perform(COMMANDS[known.command], request)
    same = sorted(made.values()) == sorted(known.files.values())
    before = ", ".join(f"{name} {version}" for name, version in known.versions.items())
    console.print("The bytes are the same." if same else f"The bytes differ; they were first made with {before}.")
