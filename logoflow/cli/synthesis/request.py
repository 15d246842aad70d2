"""What a picture request is: the options that all drawing commands share, each described once."""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from logoflow.config.sections import GenerateConfig

TRUNCATION: float = GenerateConfig().truncation
PICTURES = (".png", ".webp")
FILMS = (".gif", ".webp", ".mp4")


class Request(BaseModel):
    """How to draw, and where to; what is drawn is each command's own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    generator: str | None = Field(
        None, description="A run's id, a file, or shipped; left out: that of the store's last run, else shipped."
    )
    truncation: float | None = Field(
        None,
        ge=-3,
        le=3,
        description=f"1 for full variety, 0 for the average; left out: {TRUNCATION} for seeds, saved w as they are.",
    )
    centre: Literal["class", "global"] = Field("class", description="The average that truncation pulls towards.")
    truncated_layers: int | None = Field(None, ge=1, description="Truncate only the first so many layers.")
    noise: str = Field(
        "const",
        description="const (always the same), random (by seed), none; also by layers: coarse=none,fine=random,3-4=none",
    )
    scale: int | None = Field(None, ge=1, le=64, description="Enlarge pixels so many times; left out: to a good size.")
    fps: float | None = Field(
        None, gt=0, le=100, description="Pictures a second of a film, of a GIF at most 50; left out: to a good pace."
    )
    out: Path = Field(
        description="A folder: each picture a PNG. .png, .webp: a picture, or a sheet. .gif, .mp4 (and interpolate's "
        ".webp): a film."
    )
    save_w: Path | None = Field(None, description="Also save w of what is drawn, as .safetensors.")
    store: str | None = Field(
        None, description="Folder or s3:// address of the store; else $LOGOFLOW_STORE, else ./.logoflow."
    )

    @model_validator(mode="after")
    def _can_be_written(self) -> Self:
        suffix = self.out.suffix.lower()
        if not self.out.name:
            raise ValueError(f"--out is {str(self.out)!r}, which nothing can be written to: name a folder or a file.")
        if suffix and suffix not in (*PICTURES, *FILMS):
            raise ValueError(f"--out is {self.out}: give a folder, or a file that ends in .png, .webp, .gif or .mp4.")
        if self.out.exists() and self.out.is_dir() == bool(suffix):
            raise ValueError(f"--out is {self.out}, which is {'a folder' if suffix else 'a file'}: name another.")
        if self.save_w is not None and self.save_w.suffix != ".safetensors":
            raise ValueError(f"--save-w is {self.save_w}: give a file that ends in .safetensors.")
        for path in (self.out, self.save_w):
            if path is not None and not path.absolute().parent.is_dir():
                raise ValueError(f"{path} has no folder to lie in: make {path.absolute().parent}, or name another.")
        return self

    @property
    def is_film(self) -> bool:
        """Whether pictures are shown one after another; WebP moves only where the command says so."""
        return self.out.suffix.lower() in (".gif", ".mp4")

    @property
    def is_folder(self) -> bool:
        """Whether every picture has a file of its own."""
        return not self.out.suffix


class PictureRequest(Request):
    """Pictures: saved ones first, then those of seeds."""

    seeds: str | None = Field(None, description="Such as 3 or 0-7,12; left out: as many as fit, unless --w is given.")
    w: str | None = Field(
        None, description="Saved w (.safetensors, .npy) or the .json of an earlier output; FILE@0,2-4 takes some of it."
    )
    cluster: list[str] = Field(
        [], description="Such as 2 or 0-3, in turn; a mix is 2:0.7,5:0.3. May be repeated. Left out: each seed's own."
    )
