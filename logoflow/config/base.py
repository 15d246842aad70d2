"""What every section of the configuration has in common."""

from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from logoflow.machine import has_bfloat16

OUTSIDE: JsonDict = {"fingerprint": False}
"""Mark of a field that says where or how to work, not what comes out: it does not enter the fingerprint."""
FILE: JsonDict = {"file": True}
"""Mark of a field that names a file: its sha256 enters the fingerprint instead of its path."""


def file_field(settings: type[BaseModel], name: str) -> Any:
    """A setting of a package that names a file, told as there, whose sha256 enters the fingerprint."""
    field = settings.model_fields[name]
    return Field(field.default, description=field.description, json_schema_extra=FILE)


class Section(BaseModel):
    """One stage's part of the configuration: frozen, typed, closed to unknown keys."""

    # What was given is not repeated in errors: an address may hold a password.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def fast_dtype() -> Literal["float32", "bfloat16"]:
    """The precision that this machine is fast at; resolved early, so that the fingerprint names what was used."""
    return "bfloat16" if has_bfloat16() else "float32"


Dtype: TypeAlias = Annotated[
    Literal["float32", "bfloat16"],
    BeforeValidator(
        lambda value: fast_dtype() if value == "auto" else value,
        json_schema_input_type=Literal["auto", "float32", "bfloat16"],
    ),
]
Seed: TypeAlias = Annotated[int, Field(ge=0, lt=2**63)]


class Retrain(Section):
    """When a model is trained again although only the images have changed."""

    when: Literal["always", "never", "growth"] = Field(
        "growth",
        description="always; never (use the pinned artifact); growth: when more than `share` of the images changed.",
    )
    share: float = Field(
        0.05, ge=0, description="For growth: changed images, as a share of those trained on, that are tolerated."
    )
    pin: str | None = Field(
        None,
        pattern=r"^[0-9a-f]{8,64}$",
        description="For never: fingerprint of the artifact to use, or its first eight digits or more.",
    )

    @model_validator(mode="after")
    def _pinned(self) -> Self:
        if self.when == "never" and self.pin is None:
            raise ValueError("pin is missing, but when is never: name the artifact to use by its fingerprint.")
        return self


class Trained(Section):
    """A section of a stage that trains a model."""

    seed: Seed | None = Field(None, description="Seed of this stage; leave it out to take the run's.")
    retrain: Retrain = Field(
        Retrain(), description="When to train again because images changed.", json_schema_extra=OUTSIDE
    )
