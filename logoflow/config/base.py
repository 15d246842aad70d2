"""What every section of the configuration has in common."""

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from logoflow.machine import has_bfloat16

OUTSIDE: dict[str, object] = {"fingerprint": False}
"""Mark of a field that says where or how to work, not what comes out: it does not enter the fingerprint."""
WEIGHTS: dict[str, object] = {"weights": True}
"""Mark of a field that names a file of weights: its sha256 enters the fingerprint instead of its path."""


class Section(BaseModel):
    """One stage's part of the configuration: frozen, typed, closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def resolve_dtype(dtype: str) -> str:
    """Replace "auto" by what this machine is fast at, so that the fingerprint names what was computed with."""
    return ("bfloat16" if has_bfloat16() else "float32") if dtype == "auto" else dtype


Dtype: TypeAlias = Annotated[Literal["auto", "float32", "bfloat16"], AfterValidator(resolve_dtype)]
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
        None, description="For never: fingerprint of the artifact to use, or its first eight digits or more."
    )


class Trained(Section):
    """A section of a stage that trains a model."""

    seed: Seed | None = Field(None, description="Seed of this stage; leave it out to take the run's.")
    retrain: Retrain = Field(
        Retrain(), description="When to train again because images changed.", json_schema_extra=OUTSIDE
    )
