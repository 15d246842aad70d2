"""A generator as one file that runs without this project: ONNX, or a program of torch.export.

Both take latents and classes for any number of pictures, and give 8-bit pictures, rows first, as Pillow reads them.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from stylegan2.checkpoints import load_generator
from stylegan2.files import write_atomically
from stylegan2.generator import Generator

SUFFIXES = (".onnx", ".pt2")
NOTE = "logoflow.json"  # the file inside a .pt2 that holds what `describe` says
LICENCE = (
    "The program that trained these weights is under Apache-2.0. The weights come from the pictures that they were "
    "trained on: whoever passes them on sees to those pictures' licences. Logos are trademarks of their owners."
)
_ROWS = 2  # of the example that is traced; one row would be taken for a size that never changes


class Drawing(nn.Module):
    """A generator from its latents to 8-bit pictures, with the noise that is stored with it.

    Args:
        generator: in eval mode.
        psi: truncation towards the average of each picture's class; None lets each call say.
    """

    def __init__(self, generator: Generator, psi: float | None = None) -> None:
        super().__init__()
        self.generator = generator
        self.psi = psi

    def forward(self, z: Tensor, labels: Tensor | None = None, psi: Tensor | None = None) -> Tensor:
        """Draw pictures.

        Args:
            z: unit normal latents, float32 `[N, z_dim]`.
            labels: class of each picture, int64 `[N]`; only where the generator has classes.
            psi: truncation, float32 `[]`; only where it was not fixed.

        Returns:
            uint8 `[N, height, width, channels]`.
        """
        ws = self.generator.map(z, labels)
        strength = psi if self.psi is None else self.psi
        assert strength is not None, "psi is fixed, or an input"
        pictures: Tensor = self.generator.synthesis(self.generator.truncate(ws, strength, labels), "const")
        return ((pictures + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)

    def example(self) -> dict[str, Tensor]:
        """Inputs by name, in their order."""
        settings = self.generator.settings
        inputs = {"z": torch.zeros(_ROWS, settings.z_dim)}
        if settings.classes:
            inputs["labels"] = torch.zeros(_ROWS, dtype=torch.int64)
        if self.psi is None:
            inputs["psi"] = torch.tensor(1.0)
        return inputs


def export(weights: str | Path, out: str | Path, psi: float | None = None) -> None:
    """Write a generator as ONNX (`.onnx`) or as a program of torch.export (`.pt2`).

    Args:
        weights: a generator.safetensors.
        out: the file to write; its ending says which kind.
        psi: truncation that every picture gets; None makes it an input.

    Raises:
        ValueError: the weights are no generator's, the file has another ending, or ONNX's packages are missing.
    """
    weights, out = Path(weights), Path(out)
    if out.suffix not in SUFFIXES:
        raise ValueError(f"{out} ends in neither {' nor '.join(SUFFIXES)}: name the file so that it does.")
    drawing = Drawing(load_generator(weights), psi).eval()
    write = write_onnx if out.suffix == ".onnx" else write_program
    with quiet():
        write(trace(drawing), out, describe(drawing, weights))


def trace(drawing: Drawing) -> ExportedProgram:
    """The program for any number of pictures, without the paths of this machine that torch notes in it."""
    example = drawing.example()
    batch = torch.export.Dim("batch", min=1)
    shapes = {name: {0: batch} if tensor.ndim else None for name, tensor in example.items()}
    program = torch.export.export(drawing, (), example, dynamic_shapes=shapes)
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)
    return program


def describe(drawing: Drawing, weights: Path) -> dict[str, str]:
    """What a file tells of itself: the network's settings, the weights' sha256, truncation and licence."""
    return {
        "settings": json.dumps(drawing.generator.settings.model_dump(), sort_keys=True),
        "weights_sha256": sha256(weights.read_bytes()).hexdigest(),
        "truncation": "input psi" if drawing.psi is None else f"{drawing.psi:g}",
        "licence": LICENCE,
    }


def write_program(program: ExportedProgram, out: Path, note: dict[str, str]) -> None:
    """Write a program that `torch.export.load` reads."""
    files = {NOTE: json.dumps(note, indent=1, sort_keys=True)}

    def write(path: Path) -> None:
        with path.open("wb") as file:  # a path would have to end in .pt2
            torch.export.save(program, file, extra_files=files)

    write_atomically(out, write)


def write_onnx(program: ExportedProgram, out: Path, note: dict[str, str]) -> None:
    """Write a model whose one output is called `images`.

    Raises:
        ValueError: ONNX's packages are missing.
    """
    if importlib.util.find_spec("onnxscript") is None:
        raise ValueError("ONNX needs two more packages: pip install onnx onnxscript.")
    model = torch.onnx.export(program, output_names=["images"], verbose=False)
    assert model is not None
    model.model.metadata_props.update(note)
    write_atomically(out, lambda aside: model.save(str(aside), external_data=False))


@contextmanager
def quiet() -> Iterator[None]:
    """Without torch's notes to its own developers."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
