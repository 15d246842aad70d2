"""The drawing commands, by name: what each is asked and what it does."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

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
