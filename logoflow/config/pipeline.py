"""A whole experiment: a section for each stage, and the checks that need more than one of them."""

import math
from pathlib import Path
from typing import Any, Self

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from logoflow.config import sections
from logoflow.config.base import Section, Seed
from logoflow.config.gates import Gate
from stylegan2.settings import MAX_BASE


class PipelineConfig(Section):
    """One experiment: raw logos in, training set, generator and report out."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9_-]+$", description="Name of the pipeline in the ledger, in status and in Prefect."
    )
    seed: Seed = Field(0, description="Seed of every stage that does not set its own.")
    device: str = Field(
        "auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="Where networks run; auto: a GPU when there is one."
    )
    tensorboard: Path | None = Field(
        None,
        description="Folder for what train_gan tells TensorBoard while it trains (extra tracking). Empty: nothing.",
    )

    gates: tuple[Gate, ...] = Field(
        (), description="Limits on what stages measure; a run that breaks one stops until it is allowed by hand."
    )

    ingest: sections.IngestConfig
    detect_text: sections.DetectTextConfig = Field(default_factory=sections.DetectTextConfig)
    train_encoder: sections.TrainEncoderConfig = Field(default_factory=sections.TrainEncoderConfig)
    embed: sections.EmbedConfig = Field(default_factory=sections.EmbedConfig)
    cluster: sections.ClusterConfig = Field(default_factory=sections.ClusterConfig)
    deduplicate: sections.DeduplicateConfig = Field(default_factory=sections.DeduplicateConfig)
    curate: sections.CurateConfig = Field(default_factory=sections.CurateConfig)
    train_gan: sections.TrainGanConfig = Field(default_factory=sections.TrainGanConfig)
    evaluate: sections.EvaluateConfig = Field(default_factory=sections.EvaluateConfig)
    generate: sections.GenerateConfig = Field(default_factory=sections.GenerateConfig)
    report: sections.ReportConfig = Field(default_factory=sections.ReportConfig)

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, values: Any) -> Any:
        """Let an empty section mean its defaults, and hand the run's seed down, so that a section stands alone."""
        if not isinstance(values, dict):
            return values
        try:
            seed = TypeAdapter(Seed).validate_python(values.get("seed", 0))
        except ValidationError:
            seed = None  # the seed's own field says what is wrong with it
        filled = dict(values)
        for name, field in cls.model_fields.items():
            keys = getattr(field.annotation, "model_fields", {})
            section = {} if keys and values.get(name) is None else values.get(name)
            if keys and isinstance(section, dict):
                handed = {"seed": seed} if "seed" in keys and section.get("seed") is None else {}
                filled[name] = {**section, **handed}
        return filled

    @model_validator(mode="after")
    def _possible(self) -> Self:
        names = [source.name for source in self.ingest.sources]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"ingest.sources holds {twice[0]} twice: give each source a name of its own.")
        same = self.train_encoder.epochs == 0 and self.evaluate.encoder == self.train_encoder.weights
        if self.evaluate.encoder is not None and same:
            raise ValueError(
                f"evaluate.encoder is {self.evaluate.encoder}, which makes the clusters, too, and would judge its own "
                "work: give an encoder that was trained with another seed and other augmentations."
            )
        base = smallest_base(self.curate.resolution)
        if base > MAX_BASE:
            raise ValueError(
                f"curate.resolution is {self.curate.resolution}, which no generator reaches by doubling from "
                f"{MAX_BASE} px or less: choose {2 ** round(math.log2(self.curate.resolution))}."
            )
        return self


def smallest_base(side: int) -> int:
    """What is left of a side after halving it as often as it stays whole and at least 4."""
    while side % 2 == 0 and side >= 8:
        side //= 2
    return side
