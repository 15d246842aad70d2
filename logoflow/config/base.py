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


class StageSection(Section):
    """A section of one stage: what it works with, and how patient a run is with it."""

    retries: int = Field(
        0,
        ge=0,
        le=10,
        description="How often the stage is tried again after an error that may pass, as of a network or a disk; what "
        "only a person can mend is not tried again.",
        json_schema_extra=OUTSIDE,
    )
    retry_delay_s: float = Field(
        10, ge=0, le=3600, description="Seconds before the stage is tried again.", json_schema_extra=OUTSIDE
    )
    timeout_s: float | None = Field(
        None,
        gt=0,
        le=30 * 86_400,
        description="Seconds that building the stage may take; a training leaves a snapshot, from which the next run "
        "goes on. Left out: as long as it takes.",
        json_schema_extra=OUTSIDE,
    )


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


class Trained(StageSection):
    """A section of a stage that trains a model."""

    seed: Seed | None = Field(None, description="Seed of this stage; leave it out to take the run's.")
    retrain: Retrain = Field(
        Retrain(), description="When to train again because images changed.", json_schema_extra=OUTSIDE
    )
