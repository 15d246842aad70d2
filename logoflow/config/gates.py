"""Gates: limits on what a stage measured, beyond which a run goes no further until somebody has looked."""

from typing import Self

from pydantic import Field, model_validator

from logoflow.config.base import Section
from logoflow.stages import STAGES


class Gate(Section):
    """One limit; `logoflow show STAGE` lists what a stage measures."""

    stage: str = Field(description="The stage whose metric is watched.", json_schema_extra={"enum": list(STAGES)})
    metric: str = Field(description="Its name, such as quarantined.")
    share_of: str | None = Field(None, description="Metric of the stage that it is divided by, such as offered.")
    at_least: float | None = Field(None, description="Smallest value that passes.")
    at_most: float | None = Field(None, description="Largest value that passes.")
    at_most_accepted: float | None = Field(
        None, gt=0, description="Largest value that passes, in multiples of that of the run accepted last."
    )

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if self.stage not in STAGES:
            raise ValueError(f"there is no stage {self.stage}: the stages are {', '.join(STAGES)}.")
        if self.at_least is None and self.at_most is None and self.at_most_accepted is None:
            raise ValueError(f"the gate on {self.metric} limits nothing: give at_least, at_most or at_most_accepted.")
        return self
