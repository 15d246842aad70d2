"""What a momentum-contrast training can be told: network, contrast, schedule and augmentations."""

import json
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

PRESETS: dict[str, dict[str, float]] = {
    "logo": {},
    "moco_v2": {
        "crop_scale": 0.2,
        "zoom_out": 1.0,
        "stretch": 1 / 3,
        "background": 0.0,
        "jitter": 0.8,
        "brightness": 0.4,
        "contrast": 0.4,
        "saturation": 0.4,
        "hue": 0.1,
        "grayscale": 0.2,
        "flip": 0.5,
        "resolution": 0.0,
        "blur": 0.5,
        "sigma": 2.0,
        "jpeg": 0.0,
    },
}
"""Augmentations by name, in the fields' units; what a preset does not say is as the fields say. MoCo v2's are those of
Chen et al. 2020, section 3; its blur is in pixels of the 224 they trained at."""


class AugmentationSettings(BaseModel):
    """How the two views of an image are made. Colour is meaning in a logo, so the jitter is weak."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: Literal["logo", "moco_v2"] = Field(
        "logo",
        description="What is left out below. logo: weak in colour, with the damage that copies on the web have; "
        "moco_v2: as published for photographs, without any.",
    )
    crop_scale: float = Field(0.5, gt=0, le=1, description="Smallest share of the image's area that a crop keeps.")
    zoom_out: float = Field(
        1.8,
        ge=1,
        le=4,
        description="Largest area, in images, that a view may show: padding by background around the image.",
    )
    stretch: float = Field(0.05, ge=0, lt=1, description="Largest relative change of a crop's aspect ratio.")
    background: float = Field(0.1, ge=0, le=1, description="Share of views that are laid on paper of another colour.")
    jitter: float = Field(
        1.0, ge=0, le=1, description="Share of views whose brightness, contrast, saturation and hue are changed."
    )
    brightness: float = Field(0.1, ge=0, lt=1, description="Largest relative change of brightness.")
    contrast: float = Field(0.1, ge=0, lt=1, description="Largest relative change of contrast.")
    saturation: float = Field(0.1, ge=0, lt=1, description="Largest relative change of saturation.")
    hue: float = Field(0.01, ge=0, le=0.5, description="Largest turn of the hue, in turns.")
    grayscale: float = Field(0.0, ge=0, le=1, description="Share of views without colour.")
    invert: float = Field(0.0, ge=0, le=1, description="Share of views in negative, as logos are drawn for dark pages.")
    flip: float = Field(
        0.0, ge=0, le=1, description="Share of views that are mirrored; a mirrored logo is another logo."
    )
    resolution: float = Field(
        0.5, ge=0, le=1, description="Share of views that are reduced and enlarged again by filters drawn at random."
    )
    smallest: float = Field(0.25, gt=0, le=1, description="Strongest reduction, as a share of the side.")
    blur: float = Field(0.25, ge=0, le=1, description="Share of views that are blurred.")
    sigma: float = Field(1.0, gt=0, le=4, description="Largest standard deviation of the blur, in pixels.")
    jpeg: float = Field(0.25, ge=0, le=1, description="Share of views that go through JPEG's quantisation.")
    quality: int = Field(30, ge=1, le=100, description="Lowest JPEG quality.")

    @model_validator(mode="before")
    @classmethod
    def _by_preset(cls, values: Any) -> Any:
        preset = values.get("preset") if isinstance(values, dict) else None
        return {**PRESETS[preset], **values} if isinstance(preset, str) and preset in PRESETS else values


PUBLISHED = {"network": "resnet50", "width": 64, "stem_stride": 4, "pixels": "imagenet"}
"""What published weights were trained with, and so have to be used with."""
METADATA_KEY = "moco"
"""Under which an encoder's file keeps its settings; only one, because safetensors writes several in random order."""
LARGEST_HEADER = 100_000_000  # bytes, as safetensors limits it
OF_THE_NETWORK = ("network", "width", "stem_stride", "pixels", "resolution", "blur_first", "dimensions")
"""What an encoder of ours has to be used with."""


class EncoderSettings(BaseModel):
    """MoCo v2 (Chen et al. 2020) for one process: a residual network, a momentum encoder and a queue of keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: Literal["resnet10", "resnet18", "resnet50"] = Field(
        "resnet10", description="Residual network by its depth."
    )
    width: int = Field(32, ge=4, le=256, description="Channels of the first stage; each later stage doubles them.")
    stem_stride: Literal[1, 2, 4] = Field(
        2, description="How much the first layer reduces the side; 4 adds a max-pool."
    )
    resolution: int = Field(
        64, ge=16, le=256, multiple_of=16, description="Side of the square images that the encoder takes, in pixels."
    )
    pixels: Literal["centred", "imagenet"] = Field(
        "centred",
        description="How pixels are scaled. centred: to -1..1; imagenet: by ImageNet's mean and deviation, as "
        "published encoders want it.",
    )
    blur_first: float = Field(
        0.0,
        ge=0,
        le=4,
        description="Standard deviation, in pixels, of a blur that every image goes through before the network, in "
        "training and in embedding, so that copies of little detail look like their originals; 0: none.",
    )
    dimensions: int = Field(128, ge=2, le=4096, description="Length of an embedding.")
    weights: Path | None = Field(
        None,
        description="Weights to start from: an encoder.safetensors of ours, or a published MoCo v2 checkpoint such as "
        "moco_v2_800ep_pretrain.pth.tar. They decide network, width, stem_stride and pixels; ours also resolution, "
        "blur_first and dimensions.",
    )

    epochs: int = Field(20, ge=0, description="Passes over the images; 0 keeps the weights as they are.")
    patience: int | None = Field(
        None,
        ge=1,
        description="Stop after this many epochs in which the retrieval of copies did not improve, and keep the best "
        "epoch's encoder; left out: all epochs are trained and the last one's is kept.",
    )
    batch: int = Field(64, ge=2, description="Images per step.")
    symmetric: bool = Field(False, description="Let both views be query and key once; a step costs twice as much.")
    queue: int = Field(
        512, ge=2, description="Keys of earlier batches that serve as negatives; a multiple of the batch."
    )
    momentum: float = Field(0.99, ge=0, lt=1, description="Share of the key encoder that stays at a step.")
    temperature: float = Field(0.1, gt=0, le=10, description="Temperature of the softmax over similarities.")
    normalisation_groups: int = Field(
        4, ge=1, description="Parts of a batch with batch-norm statistics of their own, as on that many devices."
    )

    learning_rate: float = Field(0.06, gt=0, description="Learning rate at the start; it falls to 0 along a cosine.")
    warmup: int = Field(0, ge=0, description="Steps over which the learning rate rises from 0.")
    weight_decay: float = Field(5e-4, ge=0, description="Weight decay of SGD.")
    dtype: Literal["float32", "bfloat16"] = Field("float32", description="Precision of the convolutions.")

    augmentation: AugmentationSettings = Field(AugmentationSettings(), description="How the views are made.")

    monitor: int = Field(1000, ge=2, description="Images by which retrieval is measured after each epoch, at most.")
    snapshot_steps: int = Field(
        200, ge=1, description="Steps between snapshots; there is one after each epoch as well."
    )

    @model_validator(mode="before")
    @classmethod
    def _fit_for_weights(cls, values: Any) -> Any:
        given = isinstance(values, dict) and values.get("weights") is not None
        return {**decided_by(Path(values["weights"])), **values} if given else values

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        for name, value in decided_by(self.weights).items() if self.weights else ():
            if getattr(self, name) != value:
                raise ValueError(
                    f"{name} is {getattr(self, name)}, but these weights are for {value}: leave out {name}, or weights."
                )
        return self

    @model_validator(mode="after")
    def _visible(self) -> Self:
        if self.resolution < 8 * self.stem_stride:  # and torch's bfloat16 convolutions get gradients of 1 x 1 px wrong
            raise ValueError(
                f"resolution is {self.resolution}, but the network reduces the side by {8 * self.stem_stride}: choose "
                f"{8 * self.stem_stride} or more, or a smaller stem_stride."
            )
        return self

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        keys = self.batch * (2 if self.symmetric else 1)
        if self.queue % keys:
            raise ValueError(
                f"queue is {self.queue}, but each step brings {keys} keys: choose a multiple, such as "
                f"{max(1, round(self.queue / keys)) * keys}."
            )
        if self.batch % self.normalisation_groups or self.batch == self.normalisation_groups:
            raise ValueError(
                f"normalisation_groups is {self.normalisation_groups}, but a batch of {self.batch} cannot be divided "
                "into that many equal parts of two images or more: choose a smaller divisor of the batch."
            )
        return self


def is_own(weights: Path) -> bool:
    """Whether weights are in a file as we write it, and not as MoCo was published."""
    return weights.suffix == ".safetensors"


def decided_by(weights: Path) -> dict[str, Any]:
    """The settings that weights have to be used with.

    Raises:
        ValueError: the file should hold an encoder of ours, and does not.
    """
    if not is_own(weights):
        return PUBLISHED
    try:
        settings = json.loads(metadata_of(weights)[METADATA_KEY])["settings"]
    except (OSError, TypeError, KeyError, ValueError) as error:
        raise ValueError(f"weights is {weights}, which is no encoder: name one that train_encoder wrote.") from error
    fields = EncoderSettings.model_fields
    return {name: settings.get(name, fields[name].default) for name in OF_THE_NETWORK}


def metadata_of(path: Path) -> dict[str, Any]:
    """What a safetensors file tells beside its tensors; safetensors would load numpy, which a plan need not await."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        metadata: dict[str, Any] = json.loads(file.read(min(length, LARGEST_HEADER)))["__metadata__"]
    return metadata
