"""From a stage's section to the settings of the package that does its work."""

from typing import TypeVar

from pydantic import BaseModel

T = TypeVar("T", bound=BaseModel)


def settings_of(kind: type[T], section: BaseModel) -> T:
    """The part of a section that a package's settings describe; the section inherits from them."""
    assert isinstance(section, kind)
    return kind.model_validate({name: getattr(section, name) for name in kind.model_fields})
