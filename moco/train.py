"""Train an encoder from the command line: `python -m moco.train --images FOLDER --out FOLDER --epochs 50`.

On several devices: `torchrun --nproc-per-node 2 -m moco.train ...` with the same arguments; the batch is that of all.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn, TextIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from pydantic import BaseModel, ValidationError

from moco.settings import EncoderSettings

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp"}


def main(arguments: list[str] | None = None) -> int:
    """Read the arguments, train, and print a line per epoch; 0 when done, 2 when the arguments cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m moco.train", description="Train a logo encoder by MoCo v2.")
    parser.add_argument("--images", type=Path, required=True, help="uint8 .npy [N, 3, S, S], or a folder of pictures")
    parser.add_argument("--labels", type=Path, help="integer .npy [N], -1 for unknown, for the kNN accuracy by epoch")
    parser.add_argument("--out", type=Path, required=True, help="folder of the snapshot, the curve and the encoder")
    parser.add_argument("--seed", type=int, default=0, help="everything random is a function of it")
    parser.add_argument("--device", default="auto", help="such as cpu or cuda; auto is a GPU where there is one")
    for name, description, default in _options(EncoderSettings):
        parser.add_argument(f"--{name}", metavar="VALUE", help=f"{description} ({default})".replace("%", "%%"))
    values = vars(parser.parse_args(arguments))
    try:
        settings = EncoderSettings.model_validate(_nested(values))
        from moco.distributed import joined  # after the arguments are known to be good: torch takes seconds to import
        from moco.training import train

        asked = _device_named(values["device"])
        images = _read(values["images"], settings.resolution)
        labels = _array(values["labels"]) if values["labels"] else None
        with joined(asked) as device:
            path = train(images, settings, values["seed"], values["out"], device, print, labels)
    except ValidationError as error:
        for problem in error.errors():
            _say(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}", sys.stderr)
        return 2
    except ValueError as error:
        _say(str(error), sys.stderr)
        return 2
    _say(str(path), sys.stdout)
    return 0


def _say(text: str, stream: TextIO) -> None:
    """Print a line, in the first of several processes only."""
    if os.environ.get("RANK", "0") == "0":
        print(text, file=stream)


def _options(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str, Any]]:
    """Name, description and default of each setting; those of a nested model after a dot."""
    for name, field in model.model_fields.items():
        if isinstance(field.default, BaseModel):
            yield from _options(type(field.default), f"{prefix}{name}.")
        else:
            yield prefix + name, field.description or "", field.default


def _nested(values: dict[str, Any]) -> dict[str, Any]:
    """The settings among the arguments, `a.b` as an entry of `a`."""
    result: dict[str, Any] = {}
    for name, _, _ in _options(EncoderSettings):
        if values[name] is not None:
            head, _, tail = name.rpartition(".")
            (result.setdefault(head, {}) if head else result)[tail] = _value(values[name])
    return result


def _value(text: str) -> Any:
    """A number or a truth value if it reads as one, as YAML would take it; the text otherwise."""
    try:
        return json.loads(text.lower())
    except json.JSONDecodeError:
        return text


def _read(path: Path, side: int) -> NDArray[np.uint8]:
    """The images as uint8 `[N, 3, side, side]`; pictures of a folder are put on white and padded to a square."""
    if path.suffix == ".npy" and path.is_file():
        return _array(path)
    if not path.is_dir():
        raise ValueError(f"{path} is neither a .npy file nor a folder: give --images one of these.")
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
    if not files:
        raise ValueError(f"{path} holds no pictures ({', '.join(sorted(SUFFIXES))}): give --images another folder.")
    return np.stack([_square(file, side) for file in files])


def _array(path: Path) -> NDArray[Any]:
    """A .npy file, memory-mapped."""
    if not path.is_file():
        raise ValueError(f"{path} is no file: name a .npy file.")
    array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


def _square(file: Path, side: int) -> NDArray[np.uint8]:
    """A picture on white, its long side made `side` px, up or down, in the middle of a square, `[3, side, side]`."""
    try:
        with Image.open(file) as image:
            picture = ImageOps.exif_transpose(image).convert("RGBA")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:  # Pillow raises all of them at damage
        raise ValueError(f"{file} cannot be read as a picture: mend it, or take it out of the folder.") from error
    flat = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    scale = side / max(flat.size)
    width, height = (max(1, round(length * scale)) for length in flat.size)
    paper = Image.new("RGB", (side, side), "white")
    paper.paste(flat.resize((width, height), Image.Resampling.BICUBIC), ((side - width) // 2, (side - height) // 2))
    return np.asarray(paper).transpose(2, 0, 1)


def _device_named(name: str) -> str:
    """The device for a name, "auto" a GPU where there is one; what is not there torch tells by a traceback too late.

    Raises:
        ValueError: there is no such device here.
    """
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    here = torch.accelerator.current_accelerator(check_available=True)
    try:
        device = torch.device(name)
        usable = device.type == "cpu" or (
            here is not None and device.type == here.type and (device.index or 0) < torch.accelerator.device_count()
        )
    except RuntimeError:
        usable = False
    if not usable:
        raise ValueError(f"device is {name}, but there is only {here or 'cpu'} here: give --device one that is there.")
    return name


def _leave(code: int) -> NoReturn:
    """End the process; one of several at once, for while Python and C++ clean up, gloo's threads abort now and then."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        sys.exit(code)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _leave(main())
