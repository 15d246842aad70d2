"""Makes a command of Typer of a request and of what draws it: the request's fields are the options."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic_core import PydanticUndefined

from logoflow.cli.synthesis.command import COMMANDS, Command, checked
from logoflow.cli.synthesis.drawing import Drawing
from logoflow.cli.synthesis.opened import Opened
from logoflow.cli.synthesis.perform import perform
from logoflow.cli.synthesis.request import Request


def command(
    request: type[Request], out: str, moving: bool = False
) -> Callable[[Callable[[Opened, Any], Drawing]], Callable[..., None]]:
    """Register what draws a request as a command of Typer.

    Args:
        request: its fields are the options.
        out: where the result goes by default.
        moving: a WebP is a film.
    """

    def register(draw: Callable[[Opened, Any], Drawing]) -> Callable[..., None]:
        made = COMMANDS[draw.__name__] = Command(draw.__name__, request, draw, moving)

        def run(**values: Any) -> None:
            perform(made, checked(request, values))

        run.__name__, run.__doc__ = draw.__name__, draw.__doc__
        run.__signature__ = inspect.Signature(parameters(request, out))  # type: ignore[attr-defined]
        return run

    return register


def parameters(request: type[Request], out: str) -> list[inspect.Parameter]:
    """A parameter for each field, a command's own before those that all share."""
    fields = request.model_fields
    own = [name for name in fields if name not in Request.model_fields]
    found = []
    for name in (*own, *Request.model_fields):
        field = fields[name]
        panel = None if name in own or name == "out" else "Options of all drawing commands"
        option = typer.Option(help=field.description, rich_help_panel=panel)
        default = Path(out) if field.default is PydanticUndefined else field.default
        annotation = Annotated[field.annotation, option]  # type: ignore[name-defined]
        found.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation))
    return found
