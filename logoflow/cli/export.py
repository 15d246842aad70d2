"""`logoflow export`: a generator as one file for other programs."""

from pathlib import Path
from typing import Annotated

import typer

from logoflow.cli.output import StoreOption, console
from logoflow.errors import UserError


def export(
    out: Annotated[Path, typer.Option(help="FILE.onnx for ONNX, FILE.pt2 for torch.export.")],
    generator: Annotated[
        str | None,
        typer.Option(help="A file, a run's id, or `shipped`; else that of the last accepted or trained run."),
    ] = None,
    truncation: Annotated[
        float | None, typer.Option(help="Fix the truncation to this psi; else it is an input of the file.")
    ] = None,
    store: StoreOption = None,
) -> None:
    """Write the generator as ONNX or as a program of torch.export: latents and classes in, 8-bit pictures out."""
    from logoflow.generators import choose_generator
    from stylegan2.export import export as write

    if not out.absolute().parent.is_dir():
        raise UserError(f"--out is {out}, but there is no such folder: make it, or give another.")
    chosen = choose_generator(generator, store)
    try:
        write(chosen.path, out, truncation)
    except ValueError as error:
        raise UserError(str(error)) from error
    console.print(f"{out}: {chosen.origin}", markup=False)
