"""Distil the screen from CRAFT on unlabelled logos, and prove where it may decide.

    python -m craft.distil IMAGES... --work FOLDER [--without LABELS] [--epochs 12] [--out craft]

IMAGES are Parquet files with the columns name and image (a struct with bytes). LABELS is a Parquet file whose names
are left out, so that nothing is measured on what was trained on. Some symbols are shown a second time, with a small
caption. CRAFT's answers are kept in FOLDER.
"""

from __future__ import annotations

import argparse
import io
import json
import time
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_eval

from craft.bounds import Scores, choose_bounds
from craft.captions import captioned
from craft.cascade import square_canvas
from craft.decision import BOUNDS, Bounds
from craft.detection import Detector, describe, supports_bfloat16
from craft.letterbox import Pixels
from craft.network import STRIDE
from craft.screen import CELL, WEIGHTS, Convolution, Screen, answers_to, normalise

SEED = 0
HELD_OUT = 0.25
BAND = (0.45, 0.85)  # thresholds on CRAFT's score for which the bounds hold
MIDDLE = 0.65  # a threshold in the band, for the log
ERROR = 0.03  # share of pictures that the screen may decide otherwise
BATCH = 64
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 0.02
SYMBOL = 0.1  # CRAFT's scores up to which a picture is a symbol that may be given a caption
CAPTIONED = 1800  # pictures that are
SHIFT = 3  # cells of the maps by which a picture is moved at most


@dataclass(frozen=True)
class Taught:
    """Pictures and CRAFT's answers.

    Attributes:
        pixels: square canvases, uint8 `[N, 3, S, S]`.
        maps: region and affinity, the largest value of each cell, float16 `[N, 2, S / 8, S / 8]`.
        scores: float32 `[N]`, 0 to 1.
        characters: float32 `[N]`.
    """

    pixels: NDArray[np.uint8]
    maps: NDArray[np.float16]
    scores: NDArray[np.float32]
    characters: NDArray[np.float32]

    def part(self, rows: NDArray[np.intp]) -> Taught:
        """Some of the pictures."""
        return Taught(*(getattr(self, name)[rows] for name in Taught.__dataclass_fields__))


def main() -> None:
    """Teach, train, prove, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path, nargs="+")
    parser.add_argument("--work", type=Path, required=True, help="folder for CRAFT's answers")
    parser.add_argument("--without", type=Path, help="Parquet file with the names of pictures to leave out")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument(
        "--out", type=Path, default=WEIGHTS.parent, help="folder for screen.safetensors and screen.json"
    )
    arguments = parser.parse_args()

    detector = Detector(dtype="bfloat16" if supports_bfloat16() else "float32")
    arguments.work.mkdir(parents=True, exist_ok=True)
    answers = arguments.work / "answers.npz"
    if not answers.exists():
        pictures = list(read_images(arguments.images, arguments.without))
        plain = ask(detector, pictures)
        symbols = [pictures[row] for row in np.flatnonzero(plain.scores < SYMBOL)[:CAPTIONED]]
        taught = join(plain, ask(detector, list(with_captions(symbols))))
        np.savez(answers, **vars(taught))
    with np.load(answers) as stored:
        taught = Taught(**stored)

    order = np.random.default_rng(SEED).permutation(len(taught.scores))
    held_out = taught.part(order[: round(HELD_OUT * len(order))])
    network = train(taught.part(order[len(held_out.scores) :]), held_out, arguments.epochs)
    guesses = estimates(deepcopy(network).to(detector.dtype), held_out.pixels)  # in the precision that it will run in
    bounds = prove(guesses, held_out.scores.astype(float), detector.canvas)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / BOUNDS.name).write_text(json.dumps(asdict(bounds), indent=1) + "\n")
    tensors = {name: tensor.half().contiguous() for name, tensor in network.state_dict().items()}
    save_file(tensors, arguments.out / WEIGHTS.name)


def read_images(paths: Sequence[Path], without: Path | None) -> Iterator[Pixels]:
    """Pictures `[h, w, 3]` over white, but those with the names to leave out."""
    left_out = set() if without is None else set(pq.read_table(without, columns=["name"])["name"].to_pylist())
    for path in paths:
        for row in pq.read_table(path, columns=["name", "image"]).to_pylist():
            if row["name"] not in left_out:
                image = Image.open(io.BytesIO(row["image"]["bytes"])).convert("RGBA")
                white = Image.new("RGBA", image.size, "white")
                yield np.asarray(Image.alpha_composite(white, image).convert("RGB"))


def with_captions(symbols: Sequence[Pixels]) -> Iterator[Pixels]:
    """Each symbol with a caption of its own."""
    for index, symbol in enumerate(symbols):
        yield captioned(symbol, np.random.default_rng((SEED, index)))


def join(one: Taught, other: Taught) -> Taught:
    """The pictures of both."""
    return Taught(*(np.concatenate([getattr(one, name), getattr(other, name)]) for name in Taught.__dataclass_fields__))


def ask(detector: Detector, images: Sequence[Pixels]) -> Taught:
    """CRAFT's answers to pictures."""
    side, cells = detector.canvas, detector.canvas // CELL
    taught = Taught(
        np.empty((len(images), 3, side, side), np.uint8),
        np.zeros((len(images), 2, cells, cells), np.float16),
        np.empty(len(images), np.float32),
        np.empty(len(images), np.float32),
    )
    started = time.monotonic()
    for index, image in enumerate(images):
        box = detector.letterbox(image)
        (maps,) = detector.maps_on([box])
        detection = describe(box, *maps)
        taught.pixels[index] = square_canvas(box).transpose(2, 0, 1)
        coarse = F.max_pool2d(torch.from_numpy(maps), CELL // STRIDE).half().numpy()
        top, left = ((cells - side) // 2 for side in coarse.shape[1:])
        taught.maps[index, :, top : top + coarse.shape[1], left : left + coarse.shape[2]] = coarse
        taught.scores[index], taught.characters[index] = detection.score, detection.characters
        if index % 500 == 499:
            print(
                f"{index + 1} of {len(images)}, {(index + 1) / (time.monotonic() - started):.1f} a second", flush=True
            )
    return taught


def train(taught: Taught, held_out: Taught, epochs: int) -> Screen:
    """Train the screen to answer like CRAFT.

    Returns:
        It in evaluation mode, its batch norms folded into its convolutions.
    """
    torch.manual_seed(SEED)
    network = Screen(fused=False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub
    steps = epochs * (len(taught.scores) // BATCH)
    optimiser = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=steps, pct_start=0.2)
    generator = np.random.default_rng(SEED + 1)
    for epoch in range(epochs):
        started, total = time.monotonic(), 0.0
        network.train()
        order = generator.permutation(len(taught.scores))
        batches = [order[start : start + BATCH] for start in range(0, len(order) - BATCH + 1, BATCH)]
        for rows in batches:
            loss = difference(network, varied(taught.part(rows), generator))
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch's stub
            optimiser.step()
            schedule.step()
            total += loss.item()
        guesses = estimates(folded(network), held_out.pixels)
        error = np.abs(guesses - held_out.scores).mean()
        agree = ((guesses >= MIDDLE) == (held_out.scores >= MIDDLE)).mean()
        print(
            f"epoch {epoch + 1}: loss {total / len(batches):.4f}, held out: error {error:.4f}, "
            f"agrees {agree:.4f}, {time.monotonic() - started:.0f} s",
            flush=True,
        )
    return folded(network)


def varied(taught: Taught, generator: np.random.Generator) -> Taught:
    """Each picture moved by whole cells, the maps with it; its colour channels permuted."""
    pixels, maps = taught.pixels.copy(), taught.maps.copy()
    for index in range(len(pixels)):
        down, right = generator.integers(-SHIFT, SHIFT + 1, 2)
        pixels[index] = moved(pixels[index], down * CELL, right * CELL)[generator.permutation(3)]
        maps[index] = moved(maps[index], down, right)
    return replace(taught, pixels=pixels, maps=maps)


def moved(image: NDArray[np.generic], down: int, right: int) -> NDArray[np.generic]:
    """An image `[C, H, W]` moved by so many rows and columns, its edges repeated."""
    height, width = image.shape[1:]
    rows = np.clip(np.arange(height) - down, 0, height - 1)
    columns = np.clip(np.arange(width) - right, 0, width - 1)
    return image[:, rows[:, None], columns]


def difference(network: Screen, taught: Taught) -> Tensor:
    """How far the screen's answers are from CRAFT's: score, maps, and count."""
    with torch.autocast("cpu", torch.bfloat16, enabled=supports_bfloat16()):
        answers, maps = network(normalise(torch.from_numpy(taught.pixels)))
    answers, maps = answers.float(), maps.float()
    score = F.binary_cross_entropy_with_logits(answers[:, 0], torch.from_numpy(taught.scores))
    shape = F.mse_loss(maps, torch.from_numpy(taught.maps).float().clamp(0, 1))
    count = F.smooth_l1_loss(answers[:, 1], torch.from_numpy(taught.characters).log1p())
    return score + 10 * shape + 0.1 * count


def estimates(network: Screen, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The screen's scores `[N]` of canvases, uint8 `[N, 3, S, S]`."""
    found = []
    for start in range(0, len(pixels), BATCH):
        answers = answers_to(network, torch.from_numpy(pixels[start : start + BATCH]))
        found.append(answers[:, 0].sigmoid().double().numpy())
    return np.concatenate(found)


def folded(network: Screen) -> Screen:
    """The same network without batch norms, as float16 weights would have it, in evaluation mode."""
    network.eval()
    state = dict(network.state_dict())
    for name, module in network.named_modules():
        if isinstance(module, Convolution):
            convolution, norm = module
            assert isinstance(convolution, nn.Conv2d)
            assert isinstance(norm, nn.BatchNorm2d)
            for key in [key for key in state if key.startswith(f"{name}.")]:
                del state[key]
            fused = fuse_conv_bn_eval(convolution, norm)
            state |= {f"{name}.0.{key}": value for key, value in fused.state_dict().items()}
    plain: Screen = Screen().to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub
    plain.load_state_dict({name: value.half().float() for name, value in state.items()})
    return plain.eval().requires_grad_(False)


def prove(screen: Scores, craft: Scores, canvas: int) -> Bounds:
    """Choose the bounds on held-out pictures, and count what they would have done there."""
    low, high = choose_bounds(screen, craft, BAND, ERROR)
    low, high = min(low, BAND[0]), max(high, BAND[1])  # so that a decided score lies on its side of every threshold
    no_text, text = screen <= low, screen >= high
    wrong = (no_text & (craft >= BAND[0])) | (text & (craft < BAND[1]))
    decided = int((no_text | text).sum())
    return Bounds(canvas, *BAND, low, high, len(craft), decided, int(wrong.sum()), ERROR)


if __name__ == "__main__":
    main()
