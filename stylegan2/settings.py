"""What a user can set: the shape of the networks, the augmentation, the training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Channels = Literal[1, 3, 4]
Pipe = Literal["blit", "geom", "color", "filter", "noise", "cutout", "bg", "bgc", "bgcf", "bgcfn", "bgcfnc"]
PresetName = Literal["auto", "stylegan2", "paper256", "paper512", "paper1024", "cifar", "article"]
Probability = Annotated[float, Field(ge=0, le=1)]

SHAPE = ("z_dim", "w_dim", "mapping_depth", "label_depth", "channel_base", "channel_max", "discriminator")
"""What networks that start from trained ones have in common with them, beside the pictures."""

SPEED_KIMG, START_SPEED_KIMG = 500.0, 100.0  # of the augmentation's strength, as published
MAX_BASE = 16  # a base that is larger leaves too much of the picture to a single learned constant
LARGEST_HEADER = 100_000_000  # bytes, as safetensors limits it


class Settings(BaseModel):
    """Frozen; a key it does not know is an error, and so is a number that is not finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class NetworkSettings(Settings):
    """The shape of a generator and its discriminator; stored with their weights."""

    width: int = Field(ge=4, le=4096, description="Of the pictures in pixels: a small base times a power of two.")
    height: int = Field(ge=4, le=4096, description="Of the pictures in pixels: a small base times a power of two.")
    channels: Channels = Field(3, description="1 for gray, 3 for RGB, 4 for RGBA.")
    classes: int = Field(0, ge=0, description="Number of classes to condition on; 0 for an unconditional network.")
    z_dim: int = Field(512, ge=1, description="Size of the latent z.")
    w_dim: int = Field(512, ge=1, description="Size of the intermediate latent w.")
    mapping_depth: int = Field(2, ge=1, le=16, description="Fully connected layers from z to w.")
    label_depth: int = Field(8, ge=1, le=16, description="Fully connected layers from a class to the projection in D.")
    channel_base: int = Field(16384, ge=16, description="Features of a layer times the side of its picture.")
    channel_max: int = Field(512, ge=1, description="Most features of any layer.")
    discriminator: Literal["resnet", "orig"] = Field("resnet", description="Residual blocks, or plain ones.")
    deviation_group: int = Field(4, ge=0, description="Images compared by minibatch deviation; 0 switches it off.")
    transition: bool = Field(
        False, description="The class can be faded in: D judges a picture without its class, and adds what it weighs."
    )

    @model_validator(mode="after")
    def _has_classes(self) -> Self:
        if self.transition and not self.classes:
            raise ValueError("A transition brings in classes, and there are none: leave out unconditional_kimg.")
        return self

    @model_validator(mode="after")
    def _is_reachable(self) -> Self:
        if max(self.base) > MAX_BASE:
            raise ValueError(
                f"{self.width} x {self.height} pixels is {self.base[1]} x {self.base[0]} doubled "
                f"{len(self.sizes) - 1} times, and a base may have at most {MAX_BASE} pixels a side: "
                "choose a size such as 32, 48, 64, 96 or 128."
            )
        return self

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """`(height, width)` of every block, from the base to the whole picture."""
        sizes = [(self.height, self.width)]
        while all(side % 2 == 0 for side in sizes[0]) and max(sizes[0]) >= 8 and min(sizes[0]) >= 4:
            sizes.insert(0, (sizes[0][0] // 2, sizes[0][1] // 2))
        return sizes

    @property
    def base(self) -> tuple[int, int]:
        """`(height, width)` of the generator's learned constant."""
        return self.sizes[0]

    @property
    def layers(self) -> int:
        """Number of w that the synthesis network takes: one for each convolution, and one for the last picture."""
        return 2 * len(self.sizes)

    def features(self, size: tuple[int, int]) -> int:
        """Number of feature maps at a size."""
        return max(1, min(self.channel_base // max(size), self.channel_max))


class AugmentSettings(Settings):
    """Adaptive discriminator augmentation (Karras et al. 2020a)."""

    mode: Literal["adaptive", "fixed", "off"] = Field(
        "adaptive", description="Adapt the strength p to overfitting, keep it at strength, or do without."
    )
    pipe: Pipe = Field("bgc", description="Operations: b blit, g geometry, c colour, f filter, n noise, c cutout.")
    strength: Probability = Field(0.0, description="p at the start; with mode fixed, p throughout.")
    target: float = Field(0.6, ge=-1, le=1, description="r_t, the mean sign of D on real images, that p is adapted to.")
    cap: Probability = Field(0.8, description="Largest p; above 0.82 augmentations leak into the generated images.")
    speed_kimg: float | None = Field(
        None,
        gt=0,
        description="Thousand images in which p could go from 0 to 1. Empty: 500, or 100 with a start_generator, as "
        "published.",
    )
    interval: int = Field(4, ge=1, description="Steps between adjustments of p.")
    geometry: Literal["reference", "bilinear"] = Field(
        "reference",
        description="How moved pixels are read: as published (12-tap filter), or bilinearly, for a third of that.",
    )

    @model_validator(mode="after")
    def _capped(self) -> Self:
        if self.strength > self.cap:
            raise ValueError(
                f"augment.strength is {self.strength:g}, above augment.cap, which is {self.cap:g}: lower it, or raise "
                "the cap and look for augmentations in what is generated."
            )
        return self


class TrainingSettings(Settings):
    """How to train; what is left empty is as the preset says."""

    preset: PresetName = Field("auto", description="Row of the published table of hyperparameters, or the study's.")
    total_kimg: float = Field(
        25000.0, ge=0, description="Train for so many thousand images; 0 keeps start_generator as it is."
    )
    batch: int | None = Field(None, ge=1, description="Images per step. Empty: as the preset says.")
    micro_batch: int | None = Field(
        None, ge=1, description="Images at once; gradients add up to a batch. Empty: the whole batch."
    )
    learning_rate: float | None = Field(None, gt=0, description="Of both networks. Empty: as the preset says.")
    discriminator_learning_rate: float | None = Field(
        None, gt=0, description="Of the discriminator alone (Heusel et al. 2017). Empty: as both."
    )
    decay_kimg: float | None = Field(
        None,
        gt=0,
        description="From so many thousand images on, learning rates fall with the square root of the images "
        "(Karras et al. 2024). Empty: they stay.",
    )
    r1_gamma: float | None = Field(None, ge=0, description="Weight of the gradient penalty. Empty: as the preset says.")
    r1_interval: int = Field(16, ge=1, description="Steps between gradient penalties.")
    path_length_weight: float | None = Field(
        None, ge=0, description="Weight of path length regularisation. Empty: as the preset says."
    )
    path_length_interval: int = Field(4, ge=1, description="Steps between path length penalties.")
    style_mixing: Probability | None = Field(
        None, description="Probability that a batch mixes two latents. Empty: as the preset says."
    )
    noise: bool = Field(
        True, description="Feed the generator noise at every pixel; without it, flat areas stay flat, as in logos."
    )
    clip: bool = Field(
        False,
        description="D judges generated pictures clipped to black and white, as they are saved; large areas of pure "
        "white, as in logos, are learnt sooner.",
    )
    ema_kimg: float | None = Field(
        None, gt=0, description="Half-life of the averaged generator in thousand images. Empty: as the preset says."
    )
    ema_ramp: float | None = Field(
        None, ge=0, description="Half-life at most this share of the images so far; 0: none. Empty: as the preset says."
    )
    mapping_depth: int | None = Field(None, ge=1, le=16, description="Layers from z to w. Empty: as the preset says.")
    label_depth: int = Field(
        8, ge=1, le=16, description="Layers from a class to the projection in D; few keep classes apart from the start."
    )
    channel_base: int | None = Field(
        None, ge=16, description="Features of a layer times the side of its picture. Empty: as the preset says."
    )
    channel_max: int = Field(512, ge=1, description="Most features of any layer.")
    z_dim: int = Field(512, ge=1, description="Size of the latent z.")
    w_dim: int = Field(512, ge=1, description="Size of the intermediate latent w.")
    discriminator: Literal["resnet", "orig"] | None = Field(
        None, description="Residual or plain blocks. Empty: as the preset says."
    )
    deviation_group: int | None = Field(
        None, ge=0, description="Images compared by minibatch deviation; 0: off. Empty: as the preset says."
    )
    augment: AugmentSettings = Field(default_factory=AugmentSettings, description="Augmentation for the discriminator.")
    mirror: bool = Field(False, description="Also train on mirrored images; harmful for letters and many logos.")
    sampling: Literal["empirical", "balanced"] = Field(
        "empirical", description="Show every image equally often, or every class, however few images it has."
    )
    unconditional_kimg: float = Field(
        0.0, ge=0, description="Train for so many thousand images as if there were no classes, which needs less data."
    )
    transition_kimg: float = Field(
        0.0, ge=0, description="Fade the classes in over so many thousand images after that."
    )
    start_generator: Path | None = Field(
        None,
        description="The generator.safetensors of an earlier training for pictures of this size, to start from; it "
        "decides the size of the networks, and its classes may be others.",
    )
    start_discriminator: Path | None = Field(None, description="The discriminator.safetensors that belongs to it.")
    frozen_blocks: int = Field(
        0, ge=0, description="So many blocks of start_discriminator, the largest pictures' first, are not trained on."
    )
    precision: Literal["float32", "bfloat16", "float16"] = Field(
        "float32", description="Of convolutions at the largest sizes."
    )
    deterministic: bool = Field(
        False, description="Train to the same bytes again on a GPU as well, which costs time; a CPU does so anyway."
    )
    compiled: bool = Field(
        False,
        description="Compile the networks for the phases without regularisation; takes minutes, for long trainings on "
        "GPUs.",
    )
    tick_kimg: float = Field(4.0, gt=0, description="Thousand images between progress reports.")
    grid_ticks: int = Field(5, ge=1, description="Ticks between sample grids.")
    snapshot_ticks: int = Field(10, ge=1, description="Ticks between snapshots that training can go on from.")
    keep_snapshots: int = Field(2, ge=1, description="So many of the last snapshots are kept.")
    patience: int | None = Field(
        None,
        ge=1,
        description="Stop after so many snapshots in a row that did not score better than the best. Empty: train for "
        "total_kimg.",
    )
    classes: int | None = Field(
        None, ge=0, description="Classes to condition on; 0 trains without. Empty: as many as the labels name."
    )

    @model_validator(mode="before")
    @classmethod
    def _fit_for_the_start(cls, values: Any) -> Any:
        if not isinstance(values, dict) or values.get("start_generator") is None:
            return values
        shape = shape_of(Path(values["start_generator"]))
        return {**values, **{name: shape[name] for name in SHAPE if values.get(name) is None}}

    @model_validator(mode="after")
    def _trained_somewhere(self) -> Self:
        if not self.total_kimg and self.start_generator is None:
            raise ValueError("total_kimg is 0, which keeps a trained generator as it is: name a start_generator.")
        return self

    @model_validator(mode="after")
    def _classes_come_in(self) -> Self:
        if 0 < self.total_kimg <= self.unconditional_kimg:
            raise ValueError(
                f"unconditional_kimg is {self.unconditional_kimg:g}, and total_kimg {self.total_kimg:g}: classes would "
                "never come in. Train for longer, or leave it out with classes 0."
            )
        return self

    @model_validator(mode="after")
    def _frozen_from_somewhere(self) -> Self:
        if self.frozen_blocks and self.start_discriminator is None:
            raise ValueError(
                f"frozen_blocks is {self.frozen_blocks}, but no block has learnt anything yet: name a "
                "start_discriminator, or leave frozen_blocks at 0."
            )
        return self

    @property
    def augment_speed_kimg(self) -> float:
        """Thousand images in which p could go from 0 to 1; trained networks overfit sooner."""
        return self.augment.speed_kimg or (START_SPEED_KIMG if self.start_generator is not None else SPEED_KIMG)

    @property
    def transition(self) -> bool:
        """Whether classes are faded in."""
        return self.unconditional_kimg > 0 or self.transition_kimg > 0

    def rate_share(self, kimg: float) -> float:
        """Share of the learning rates that is left after so many thousand images, 0 to 1 (Karras et al. 2024).

        It does not depend on when training is to end, so that a training can go on for longer.
        """
        return 1.0 if self.decay_kimg is None else max(kimg / self.decay_kimg, 1.0) ** -0.5

    def class_weight(self, kimg: float) -> float:
        """How much the class counts after so many thousand images, 0 to 1 (Shahbazi et al. 2022, section 4)."""
        if kimg < self.unconditional_kimg:
            return 0.0
        return min(1.0, (kimg - self.unconditional_kimg) / self.transition_kimg) if self.transition_kimg else 1.0


def shape_of(generator: Path) -> dict[str, Any]:
    """The settings that a training has to have to start from a generator.

    Raises:
        ValueError: the file holds none.
    """
    try:
        settings = json.loads(metadata_of(generator)["settings"])
        return {name: settings[name] for name in SHAPE}
    except (OSError, TypeError, KeyError, ValueError) as error:
        raise ValueError(
            f"start_generator is {generator}, which is no generator: name one that train_gan or stylegan2.train wrote."
        ) from error


def metadata_of(path: Path) -> dict[str, Any]:
    """What a safetensors file tells beside its tensors; safetensors would load numpy, which a plan need not await."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        metadata: dict[str, Any] = json.loads(file.read(min(length, LARGEST_HEADER)))["__metadata__"]
    return metadata
