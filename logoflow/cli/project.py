"""`logoflow project`: the w of a generator whose picture comes nearest to any image."""

import json
import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import Progress, TaskID

from logoflow.cli.neighbours import PathsArgument
from logoflow.cli.output import JsonOption, StoreOption, console, print_rows
from logoflow.cli.pictures import Offered, read_pictures
from logoflow.errors import UserError

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from stylegan2.generator import Generator
    from stylegan2.projection import Projection

AT_ONCE = 16  # images that are projected together
FRAME_MS = 80
LAST_MS = 1500  # how long a film rests at its end
LEAST_SHOWN = 256  # px: smaller pictures are shown enlarged


class Space(StrEnum):
    """Where w is looked for."""

    W = "w"
    WPLUS = "w+"


class NoiseChoice(StrEnum):
    """What the generator is fed at every pixel."""

    CONST = "const"
    FITTED = "fitted"
    NONE = "none"


def project(
    paths: PathsArgument,
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder for the files.")],
    generator: Annotated[
        str | None,
        typer.Option(help="A file, a run's id, or shipped; else that of the run accepted last, or of the last one."),
    ] = None,
    space: Annotated[
        Space, typer.Option(help="One w for all layers, which can be edited best, or one for each, which comes nearer.")
    ] = Space.W,
    steps: Annotated[int, typer.Option(min=20, help="Steps of the descent.")] = 300,
    cluster: Annotated[
        int | None, typer.Option(min=0, help="Begin with logos of this cluster; left out: with the nearest of any.")
    ] = None,
    noise: Annotated[
        NoiseChoice, typer.Option(help="const holds the stored noise, fitted fits it to each image, none does without.")
    ] = NoiseChoice.CONST,
    seed: Annotated[int, typer.Option(min=0, help="Of the logos that are begun with.")] = 0,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the w of images: what a generator would have to be given to draw them.

    For each image NAME there are NAME.safetensors with w, which other commands take; NAME.png, the generator's picture;
    NAME-beside.png, the image beside it; NAME.webp, a film of the way; and NAME.json with the distance at every step.
    """
    import torch

    from evaluation.perceptual import PerceptualMaps
    from logoflow.cli.synthesis.opened import open_generator
    from stylegan2.projection import project as descend

    opened = open_generator(generator, store)
    network = opened.network
    if cluster is not None and cluster >= network.settings.classes:
        raise UserError(
            f"--cluster is {cluster}, but this generator has {network.settings.classes or 'no'} clusters: leave it "
            "out, or give a smaller number."
        )
    out.mkdir(parents=True, exist_ok=True)
    describe = PerceptualMaps().to(network.w_avg.device)
    rows: list[dict[str, Any]] = []
    taken: set[str] = set()
    with Progress(console=console, transient=True, disable=as_json or not console.is_terminal) as bar:
        for images in blocks(paths):
            part = bar.add_task(f"{len(images)} images", total=steps)
            targets = torch.stack([target(image, network) for image in images])
            found = descend(
                network, targets, describe, space=space.value, steps=steps, noise=noise.value,
                labels=None if cluster is None else [cluster] * len(images), seed=seed,
                progress=partial(tell, bar, part),
            )  # fmt: skip
            names = stems([image.name for image in images], taken)
            rows += [write(out, *one, network) for one in zip(names, targets, found, strict=True)]
    print_rows(("name", "cluster", "error"), rows, as_json)
    if not as_json:
        console.print(
            f"{len(rows)} images in {space.value} of {opened.origin}; error: mean absolute difference, 0 to 1. {out}",
            markup=False,
        )


def tell(bar: Progress, part: TaskID, done: int) -> None:
    """Move a progress bar."""
    bar.update(part, completed=done)


def blocks(paths: Sequence[str]) -> Iterator[list[Offered]]:
    """The images that can be read, some at a time.

    Raises:
        UserError: there is none.
    """
    images = (image for image in read_pictures(paths) if isinstance(image, Offered))
    block = list(islice(images, AT_ONCE))
    if not block:
        raise UserError(f"{', '.join(paths)}: no image that can be read.")
    while block:
        yield block
        block = list(islice(images, AT_ONCE))


def target(image: Offered, generator: "Generator") -> "Tensor":
    """An image as the generator would draw it, `[C, H, W]` in -1 to 1: aspect kept, padded with white, or nothing."""
    import numpy as np
    import torch
    from PIL import Image, ImageOps

    from data.images import ADMITTED, decode

    settings = generator.settings
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[settings.channels]
    pixels = decode(image.data, ADMITTED).pixels if image.data and mode == "RGBA" else image.pixels
    paper = (255, 255, 255, 0) if mode == "RGBA" else "white"
    picture = ImageOps.pad(
        Image.fromarray(pixels).convert(mode), (settings.width, settings.height), Image.Resampling.BICUBIC, paper
    )
    values = np.asarray(picture, np.float32).reshape(settings.height, settings.width, settings.channels)
    return torch.from_numpy(values.transpose(2, 0, 1) / 127.5 - 1).to(generator.w_avg.device)


def write(folder: Path, stem: str, target: "Tensor", found: "Projection", generator: "Generator") -> dict[str, Any]:
    """Write all files of one projection, and say what it came to."""
    import torch

    from stylegan2.saved import save_w

    weights = None
    if found.label is not None:
        weights = torch.nn.functional.one_hot(torch.tensor([found.label]), generator.settings.classes).float()
    save_w(folder / f"{stem}.safetensors", found.ws[None], weights, found.noise or ())
    shown(found.image).save(folder / f"{stem}.png")

    scale = max(1, -(-LEAST_SHOWN // max(found.image.shape[1:])))
    frames = [beside(target, image, scale) for image in found.film]
    frames[-1].save(folder / f"{stem}-beside.png")
    durations = [FRAME_MS] * (len(frames) - 1) + [LAST_MS]
    frames[0].save(
        folder / f"{stem}.webp", save_all=True, append_images=frames[1:], duration=durations, loop=0, quality=80
    )
    row = {"name": stem, "cluster": found.label, "error": round(found.error, 4)}
    (folder / f"{stem}.json").write_text(json.dumps({**row, "curve": [round(d, 5) for d in found.curve]}))
    return row


def beside(target: "Tensor", image: "Tensor", scale: int) -> "Image":
    """The image that was asked for and the generator's, side by side on white, enlarged so many times."""
    from PIL import Image

    pictures = [shown(one) for one in (target, image)]
    width, height = pictures[0].width * scale, pictures[0].height * scale
    sheet = Image.new("RGB", (2 * width + scale, height), "white")
    for place, picture in enumerate(pictures):
        large = picture.resize((width, height), Image.Resampling.NEAREST).convert("RGBA")
        sheet.paste(large, (place * (width + scale), 0), large)
    return sheet


def shown(image: "Tensor") -> "Image":
    """A picture `[C, H, W]` in -1 to 1, as Pillow's."""
    from PIL import Image

    from stylegan2.grids import to_uint8

    pixels = to_uint8(image[None])[0].transpose(1, 2, 0)
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def stems(names: Sequence[str], taken: set[str]) -> list[str]:
    """File names for images: of each name the last part, without what file systems dislike, told apart by numbers."""
    found = []
    for name in names:
        plain = re.sub(r"[^\w.-]+", "_", Path(name).stem).strip("._") or "image"
        free = next(stem for n in count(1) if (stem := plain if n == 1 else f"{plain}-{n}") not in taken)
        taken.add(free)
        found.append(free)
    return found
