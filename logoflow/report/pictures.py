"""Copies a stage's pictures into the report, with small previews of the large ones."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from logoflow.report.model import StageReport
from logoflow.report.page import Picture

# Only raster formats: an SVG opened by itself can run scripts.
_SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "GIF": ".gif"}
_PREVIEW_WIDTH = 720  # twice the width of a card, so that it is sharp on a dense screen
_WIDE = 1.8  # width over height from which a picture gets a row of its own


@dataclass(frozen=True)
class Shown:
    """A picture as it lies in the report; `source` and `preview` are relative to the report's folder."""

    picture: Picture
    source: str
    preview: str
    width: int
    height: int

    @property
    def wide(self) -> bool:
        """Whether the picture reads better on a row of its own."""
        return self.width >= _WIDE * self.height


def copy_pictures(stage: StageReport, report: Path) -> tuple[Shown, ...]:
    """Copy the pictures of a stage's page to `pictures/<stage>/` of the report.

    Raises:
        ValueError: a picture is missing, lies outside the stage's folder or is of another format.
    """
    return tuple(
        copy_picture(stage.name, stage.folder, picture, place, report)
        for place, picture in enumerate(stage.page.pictures, start=1)
    )


def copy_picture(
    stage: str, made: Path, picture: Picture, place: int, report: Path, preview: bool = True, group: str = ""
) -> Shown:
    """Copy one picture of a stage, made in a folder, into that of its group; its name begins with its place.

    Raises:
        ValueError: as `copy_pictures` does.
    """
    source = (made / picture.file).resolve()
    if not source.is_relative_to(made.resolve()) or not source.is_file():
        raise ValueError(f"the page of {stage} names {picture.file!r}, which its folder lacks: build it again.")
    try:
        with Image.open(source) as image:
            suffix = _SUFFIXES[image.format or ""]
            # The name can come from data; the format is what the file is, whatever it is called.
            stem = f"{place:02d}-{re.sub(r'[^a-z0-9]+', '-', Path(picture.file).stem.lower())[:40].strip('-')}"
            folder = "/".join(filter(None, ("pictures", stage, group)))
            target = f"{folder}/{stem.strip('-')}{suffix}"
            (report / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, report / target)
            small = target
            if preview and image.width > _PREVIEW_WIDTH * 1.25:
                small = f"{folder}/{stem.strip('-')}-preview.webp"
                _write_preview(image, report / small)
            return Shown(picture, target, small, image.width, image.height)
    except (UnidentifiedImageError, KeyError) as error:
        formats = ", ".join(_SUFFIXES)
        raise ValueError(f"{picture.file!r} of {stage} is none of {formats}: write it as PNG.") from error


def _write_preview(image: Image.Image, path: Path) -> None:
    rgba = image.convert("RGBA")
    flat = Image.new("RGB", rgba.size, "white")
    flat.paste(rgba, mask=rgba.getchannel("A"))
    height = max(1, round(image.height * _PREVIEW_WIDTH / image.width))
    flat.resize((_PREVIEW_WIDTH, height), Image.Resampling.LANCZOS, reducing_gap=3).save(path, quality=85)
