"""What every drawing command does: open the generator, draw, write, and record how it was made."""

from dataclasses import replace

from logoflow.cli.output import console
from logoflow.cli.synthesis.command import Command
from logoflow.cli.synthesis.opened import open_generator, sha256_of
from logoflow.cli.synthesis.record import keep_sources, write_record
from logoflow.cli.synthesis.request import Request
from logoflow.cli.synthesis.writing import check_video, write
from logoflow.errors import UserError


def perform(command: Command, request: Request, origin: str | None = None) -> dict[str, str]:
    """Draw what is asked for and write it.

    Args:
        command: what is done.
        request: how, and where to.
        origin: what people know the generator by; left out: by where it was found.

    Returns:
        The sha256 of each file that was written, by name.
    """
    check_video(request)
    keep_sources(request)
    opened = open_generator(request.generator, request.store)
    opened = replace(opened, origin=origin or opened.origin)
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
