"""The configuration of each stage; the descriptions are what the Prefect form, the JSON schema and the docs show."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import BeforeValidator, Field, PositiveInt, TypeAdapter, field_validator, model_validator

from craft.decision import load_bounds, proven_thresholds
from data.limits import Limits
from logoflow.config.base import FILE, OUTSIDE, Dtype, Section, Seed, StageSection, Trained, fast_dtype, file_field
from logoflow.redact import CREDENTIALS
from moco.settings import EncoderSettings
from stylegan2.settings import TrainingSettings

Level = Annotated[int, Field(ge=0, le=255)]
Colour = tuple[Level, Level, Level]

OUTLINES = 2.5
LEAST_LADDER = 16  # images, as evaluation.ladder has it, which would load torch
"""Weight of outlines beside an encoder's vectors: other drawings of a brand are found by their shape."""

_NUMBER = TypeAdapter[int](Annotated[int, Field(ge=2)])
Clusters: TypeAlias = Annotated[
    int | Literal["auto"],
    # A union alone would complain twice of one wrong value, once for each of its members.
    BeforeValidator(
        lambda value: value if value == "auto" else _NUMBER.validate_python(value),
        json_schema_input_type=Annotated[int, Field(ge=2)] | Literal["auto"],
    ),
]


class SourceConfig(Section):
    """One collection of images, wherever it lies."""

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]+$", description="How the report and the origins of a picture call it.")
    path: str = Field(
        description="Folder, zip, tar, Parquet or LLD HDF5 file; a pattern that matches several of one kind, such as "
        "collections/*.zip, or images, such as crawl/**/*.png; or s3://bucket/prefix. Relative to the working "
        "directory.",
        # Prefect keeps what its form is given: it has to refuse a secret before that.
        json_schema_extra={**OUTSIDE, "not": {"pattern": CREDENTIALS}},
    )
    kind: Literal["folder", "zip", "tar", "parquet", "lld"] | None = Field(
        None, description="Leave out to tell by the path."
    )
    licence: str = Field("", description="Licence of images that do not state their own.")
    labels: Literal["folders"] | None = Field(
        None,
        description="folders: label each image by the first folder in its name, within the archive where a pattern "
        "matches several; classes are numbered in the order of the folders' names, so a folder that comes in between "
        "shifts the numbers after it.",
    )

    @field_validator("path", mode="before")
    @classmethod
    def _without_secrets(cls, value: object) -> object:
        path = str(value) if isinstance(value, Path) else value
        if isinstance(path, str) and re.match(CREDENTIALS, path):
            raise ValueError("holds credentials: write s3://bucket/prefix, and give keys in the environment.")
        return str(Path(path).expanduser()) if isinstance(path, str) and path.startswith("~") else path


class IngestConfig(StageSection):
    """Reading every source into one table."""

    sources: tuple[SourceConfig, ...] = Field(
        min_length=1, description="In order of priority: of equal pictures the first source's is kept."
    )
    min_side: PositiveInt = Field(16, description="Images with a shorter side, in px, go to quarantine.")
    max_side: PositiveInt = Field(10_000, description="Images with a longer side, in px, go to quarantine.")
    max_pixels: PositiveInt = Field(
        50_000_000, description="Images with more pixels count as bombs and are never decoded."
    )
    max_bad_share: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Stop when more than this share of a source goes to quarantine: the source is plainly wrong.",
    )
    shard_images: PositiveInt = Field(
        256, description="Images per shard at most; a shard is the unit that work is done and kept in."
    )
    shard_bytes: PositiveInt = Field(
        256 * 2**20,
        description="Bytes of encoded images per shard, passed by one image at most. Files are dealt out so that all "
        "shards of a source are of about the same size.",
    )

    @model_validator(mode="after")
    def _some_size_fits(self) -> Self:
        Limits(self.min_side, self.max_side, self.max_pixels)
        return self


class DetectTextConfig(StageSection):
    """Finding text with CRAFT."""

    canvas: Literal[128, 192, 256, 320, 384, 512] = Field(256, description="Side of the square that CRAFT sees, in px.")
    cascade: bool = Field(
        True,
        description="Let a small network decide the clear cases, within a proven error, and CRAFT the rest. It stands "
        "aside where that was not proven: for another canvas than 256, other weights, letters: text, and thresholds "
        "far from 0.5.",
    )
    letters: Literal["symbols", "text"] = Field(
        "symbols", description="Whether a lone letter is a symbol, which is kept, or text, which is dropped."
    )
    threshold: float = Field(
        0.5, gt=0, lt=1, description="A logo whose calibrated probability of text reaches this is dropped."
    )
    borderline: float = Field(
        0.35, ge=0, lt=1, description="Probabilities within this distance of the threshold are shown for review."
    )
    review: Path | None = Field(
        None,
        description="CSV file of human decisions, columns id and has_text, which overrule the network; the stage "
        "leaves one to fill in as review.csv.",
        json_schema_extra=FILE,
    )
    dtype: Dtype = Field(
        default_factory=fast_dtype, description="Precision of the network; auto: bfloat16 where the hardware has it."
    )
    weights: Path | None = Field(
        None, description="A published CRAFT file; leave it out for the packaged one.", json_schema_extra=FILE
    )
    batch: PositiveInt | None = Field(
        None, description="Images per step of CRAFT; left out: 8 on a CPU, 64 on a GPU.", json_schema_extra=OUTSIDE
    )
    compiled: bool = Field(
        False,
        description="Compile CRAFT before it runs, which takes about a minute: for GPUs and many images.",
        json_schema_extra=OUTSIDE,
    )

    @property
    def screened(self) -> bool:
        """Whether the screen decides clear cases: where it was asked for, and proven."""
        lowest, highest = proven_thresholds(self.letters)
        proven = self.canvas == load_bounds().canvas and self.weights is None and self.letters == "symbols"
        return self.cascade and proven and lowest <= self.threshold <= highest


class TrainEncoderConfig(EncoderSettings, Trained):
    """Training the MoCo encoder."""

    weights: Path | None = file_field(EncoderSettings, "weights")
    labels: str | None = Field(
        None,
        description="A label of the sources, such as resnet/rc_64 of LLD: after each epoch, how well the nearest logos "
        "tell a logo's class is measured by it. Nothing is learnt from it.",
        json_schema_extra=OUTSIDE,
    )
    dtype: Dtype = Field(
        default_factory=fast_dtype,
        description="Precision of the convolutions; auto: bfloat16 where the hardware has it.",
    )


class EmbedConfig(StageSection):
    """Describing each logo by a vector."""

    batch: PositiveInt = Field(256, description="Images per step of the network.", json_schema_extra=OUTSIDE)


class ClusterConfig(StageSection):
    """k-means over embeddings."""

    outlines: float = Field(
        OUTLINES,
        ge=0,
        description="Weight of a logo's outlines beside its vector: with them, shape makes the groups; 0 leaves that "
        "to the encoder, which sees colours first.",
    )
    k: Clusters = Field(
        10,
        description="Number of clusters; also the number of classes of a conditional generator. auto: the one of "
        "`compare` with the best silhouette.",
        json_schema_extra={"minimum": 2},
    )
    restarts: PositiveInt = Field(10, description="k-means++ starts; the one with the least inertia is kept.")
    compare: tuple[int, ...] = Field(
        (2, 4, 6, 8, 10, 12, 16),
        description="Numbers of clusters whose silhouettes are shown.",
        json_schema_extra={"items": {"type": "integer", "minimum": 2}},
    )
    centroids: Path | None = Field(
        None,
        description="centroids.npy of an earlier clustering to sort the logos by, in place of k-means; k has to be "
        "their number. Vectors have to be of the same encoder, with outlines of the same weight.",
        json_schema_extra=FILE,
    )
    reference: str | None = Field(
        None,
        pattern="^[0-9a-f]{8,64}$",
        description="Fingerprint of a cluster artifact whose numbering is kept, by shared images.",
    )
    map_images: int = Field(
        2000, ge=0, le=10_000, description="Logos on the map, drawn from every cluster; 0 leaves it out."
    )
    seed: Seed | None = Field(None, description="Seed of this stage; leave it out to take the run's.")

    @field_validator("compare")
    @classmethod
    def _at_least_two(cls, ks: tuple[int, ...]) -> tuple[int, ...]:
        for k in ks:
            if k < 2:
                raise ValueError(f"{k} is no number of clusters to compare: choose 2 or more.")
        return ks

    @model_validator(mode="after")
    def _something_to_choose_from(self) -> Self:
        if self.k == "auto" and not self.compare:
            raise ValueError("k is auto, but compare is empty: list the numbers of clusters to choose from.")
        return self

    @property
    def fewest(self) -> int:
        """The smallest number of clusters that may be made."""
        return min(self.compare) if self.k == "auto" else self.k


class DeduplicateConfig(StageSection):
    """Finding copies by embedding, then by pixels; thresholds are chosen by copies made of the run's own logos."""

    neighbours: PositiveInt = Field(16, description="Nearest neighbours of each logo that are looked at.")
    similarity: float | None = Field(
        None,
        ge=-1,
        le=1,
        description="Least cosine similarity of a candidate pair; left out: what nearly all copies reach that are made "
        "of the run's own logos.",
    )
    precision: float = Field(
        0.99,
        gt=0.5,
        le=1,
        description="Share of the pairs found that shall be right: pixels may differ as much as keeps it, on copies "
        "made of the run's own logos.",
    )
    samples: PositiveInt = Field(200, description="Logos that copies are made of to choose these thresholds.")
    mirrored: Literal["logo", "copy"] = Field(
        "logo", description="Whether a mirrored logo is a logo of its own, or a copy."
    )
    seed: Seed | None = Field(None, description="Seed of this stage; leave it out to take the run's.")


class CurateConfig(StageSection):
    """Writing the training set."""

    resolution: int = Field(
        32, ge=8, le=1024, description="Side of the training images, in px: a small base times a power of two."
    )
    background: Colour = Field(
        (255, 255, 255), description="What transparent pixels and margins become, as red, green, blue."
    )
    channels: Literal["rgb", "rgba"] = Field(
        "rgb", description="rgba: keep the transparency, which the generator then learns to draw; margins are clear."
    )
    export: Literal["none", "zip"] = Field(
        "none", description="zip: also write dataset.zip, PNG files with dataset.json, as StyleGAN tools read it."
    )


class TrainGanConfig(TrainingSettings, Trained):
    """Training StyleGAN2-ADA."""

    start_generator: Path | None = file_field(TrainingSettings, "start_generator")
    start_discriminator: Path | None = file_field(TrainingSettings, "start_discriminator")
    precision: Dtype = Field(
        default_factory=fast_dtype,
        description="Of convolutions at the largest sizes; auto: bfloat16 where the hardware has it.",
    )
    images: int | None = Field(
        None, ge=1, description="Train on so many images, drawn at random; scores are against all. Empty: all of them."
    )
    score_images: int = Field(
        0,
        ge=0,
        description="Generated images whose kernel distance to real ones scores each snapshot; the best generator is "
        "kept. 0: no score, and the last one is kept.",
    )

    @model_validator(mode="after")
    def _scored(self) -> Self:
        if self.score_images == 1:
            raise ValueError("score_images is 1, and a single image has no distance: set it to 500, or so, or to 0.")
        if self.patience is not None and not self.score_images:
            raise ValueError("patience waits for a better score, but score_images is 0: set it to 500, or so.")
        return self


class EvaluateConfig(StageSection):
    """Comparing generated with real logos."""

    images: int = Field(1000, ge=10, description="Generated images that are compared.")
    neighbours: PositiveInt = Field(5, description="k of the k-nearest-neighbour metrics.")
    truncation: float = Field(1.0, gt=0, le=2, description="Truncation psi of the images that are compared.")
    ladder: int = Field(
        128,
        ge=0,
        description="Real images in each set on which the metrics are tested: damaged ever more, they have to score "
        "ever worse. 0: no test.",
    )
    path_lengths: int = Field(
        0, ge=0, description="Lines between latents on which perceptual path length is measured; 0: it is not."
    )
    encoder: Path | None = Field(
        None,
        description="encoder.safetensors of a second feature space to measure in: of a training with another seed and "
        "other augmentations than the one that made the clusters.",
        json_schema_extra=FILE,
    )
    inception: Path | None = Field(
        None,
        description="pt_inception-2015-12-05-6726825d.pth, as pytorch-fid publishes it, to measure FID and KID: the "
        "distances in that network's features.",
        json_schema_extra=FILE,
    )
    seed: Seed | None = Field(None, description="Seed of this stage; leave it out to take the run's.")

    @model_validator(mode="after")
    def _climbable(self) -> Self:
        if 0 < self.ladder < LEAST_LADDER:
            raise ValueError(
                f"ladder is {self.ladder}, and so few images say nothing of a metric: set it to {LEAST_LADDER} or "
                "more, or to 0."
            )
        return self


class GenerateConfig(StageSection):
    """Drawing sample sheets."""

    per_cluster: PositiveInt = Field(16, description="Logos of each cluster in the sample grid.")
    truncation: float = Field(
        0.8, gt=0, le=2, description="Truncation psi: 1 is the full variety, towards 0 all become the average."
    )
    steps: int = Field(9, ge=2, description="Images of an interpolation, its ends included.")
    seed: Seed | None = Field(None, description="Seed of this stage; leave it out to take the run's.")


class ReportConfig(StageSection):
    """Writing the report."""

    title: str = Field("", description="Heading of the report; the run's name when left out.")
