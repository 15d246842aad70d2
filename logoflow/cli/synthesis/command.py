"""Makes a command of a request and of what draws it: the request's fields are the options."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import ValidationError
from pydantic_core import PydanticUndefined

from logoflow.cli.synthesis.drawing import Drawing
from logoflow.cli.synthesis.opened import Opened
from logoflow.cli.synthesis.request import Request
from logoflow.errors import UserError

Requested = TypeVar("Requested", bound=Request)


@dataclass(frozen=True)
class Command:
    """A drawing command.

    Attributes:
        name: such as generate.
        request: its options.
        draw: what it does.
        moving: its WebP is a film.
    """

    name: str
    request: type[Request]
    draw: Callable[[Opened, Any], Drawing]
    moving: bool


COMMANDS: dict[str, Command] = {}
"""The drawing commands by name."""


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
            from logoflow.cli.synthesis.perform import perform

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


def checked(request: type[Requested], values: dict[str, Any]) -> Requested:
    """Check the values of options.

    Raises:
        UserError: one of them is impossible.
    """
    try:
        return request.model_validate(values)
    except ValidationError as error:
        detail = error.errors()[0]
        if detail["type"] == "value_error":
            raise UserError(detail["msg"].removeprefix("Value error, ")) from error
        option = f"--{detail['loc'][0]}".replace("_", "-")
        wish = detail["msg"].partition(" should ")[2] or detail["msg"]
        raise UserError(f"{option} is {detail['input']}, but it should {wish}: change it.") from error
