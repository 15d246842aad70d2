"""Train from the command line: `python -m stylegan2.train --data FOLDER_OR_FILE --out FOLDER [--batch 16 ...]`.

On several devices: `torchrun --nproc-per-node 2 -m stylegan2.train ...` with the same arguments; they share each batch.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from pydantic import BaseModel, ValidationError

from stylegan2.settings import TrainingSettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EVENTS = "tensorboard"
OF_THE_PIPELINE = ("patience",)  # waits for scores, which nothing gives here


def main(arguments: list[str] | None = None) -> int:
    """Train, and print a line for every tick."""
    given = vars(_parser().parse_args(arguments))
    data, out, size, seed, device, tensorboard = (
        given.pop(name) for name in ("data", "out", "size", "seed", "device", "tensorboard")
    )
    try:
        settings = TrainingSettings.model_validate(_nested(given))
        _train(settings, data, out, size, seed, device, out / EVENTS if tensorboard else None)
    except ValidationError as error:
        for problem in error.errors():
            if problem["type"] == "value_error":  # of several settings together, in a sentence of its own
                print(problem["ctx"]["error"], file=sys.stderr)
                continue
            name = ".".join(str(part) for part in problem["loc"])
            print(f"--{name.replace('_', '-')} is {problem['input']}: {problem['msg']}.", file=sys.stderr)
        return 2
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{error.filename or out}: {error.strerror or error}; choose another --out or --data.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped: the same command goes on from the last snapshot.", file=sys.stderr)
        return 130
    return 0


def _train(
    settings: TrainingSettings, data: Path, out: Path, size: int | None, seed: int, device: str, events: Path | None
) -> None:
    from stylegan2.distributed import joined, rank
    from stylegan2.folders import load_images
    from stylegan2.training import Diverged, Tick, train

    told: list[Tick] = []

    def show(tick: Tick) -> None:
        told.append(tick)
        values = {"p": tick.p} | tick.values
        shown = ("loss_generator", "loss_discriminator", "r_t", "p")
        numbers = "  ".join(f"{name} {values[name]:.3f}" for name in shown if name in values)
        print(
            f"{tick.kimg:.1f} of {tick.total_kimg:.1f} kimg  {tick.images_per_s:.1f} img/s  {numbers}",
            flush=True,
        )
        if tick.warning is not None:
            print(tick.warning, file=sys.stderr, flush=True)

    device = _device_named(device)
    images, labels = load_images(data, size)
    with joined(device) as own_device:
        if rank() == 0:
            print(f"{len(images)} images of shape {images.shape[1:]}, {_classes(labels)}, on {own_device}", flush=True)
        try:
            train(images, labels, settings, seed, out, own_device, show, events=events)
        except Diverged as error:
            raise ValueError(str(error)) from error
        if rank() == 0:
            if not told:
                print(f"Nothing was left to train: it has already seen {settings.total_kimg:g} kimg or more.")
            print(f"The generator is {out / 'generator.safetensors'}")


def _classes(labels: NDArray[np.int64] | None) -> str:
    import numpy as np

    if labels is None or labels.dtype.kind not in "iu":  # others are refused in a moment
        return "no classes"
    present = len(np.unique(labels))
    unused = int(labels.max()) + 1 - present
    return f"{present} classes" + (f" and {unused} numbers below the last one's that no image has" if unused else "")


def _device_named(name: str) -> str:
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as error:  # torch raises either, by how it was built
        raise ValueError(f"--device {name} is not there: choose cpu, or a device that this torch can use.") from error
    return name


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m stylegan2.train", description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of pictures, dataset.zip, or .npy of uint8 [N, C, H, W]"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the networks; training goes on from there")
    parser.add_argument("--size", type=int, help="side in pixels that the pictures of a folder are brought to")
    parser.add_argument("--seed", type=int, default=0, help="of every random number")
    parser.add_argument("--device", default="auto", help="such as cpu or cuda; auto is a GPU where there is one")
    parser.add_argument("--tensorboard", action="store_true", help="also write events for TensorBoard")
    _add_options(parser, TrainingSettings, "")
    return parser


def _add_options(parser: argparse.ArgumentParser, model: type[BaseModel], prefix: str) -> None:
    for name, field in model.model_fields.items():
        if name in OF_THE_PIPELINE:
            continue
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            _add_options(parser, field.annotation, f"{prefix}{name}.")
            continue
        option = f"--{prefix}{name}".replace("_", "-")
        parser.add_argument(option, dest=f"{prefix}{name}", help=field.description, default=argparse.SUPPRESS)


def _nested(given: dict[str, Any]) -> dict[str, Any]:
    """`{"augment.pipe": "bg"}` to `{"augment": {"pipe": "bg"}}`."""
    values: dict[str, Any] = {}
    for name, value in given.items():
        *parents, leaf = name.split(".")
        place = values
        for parent in parents:
            place = place.setdefault(parent, {})
        place[leaf] = value
    return values


def _leave(code: int) -> NoReturn:
    """End the process; one of several at once, for while Python and C++ clean up, gloo's threads abort now and then."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        sys.exit(code)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _leave(main())
