"""What training says about itself: a line of curve.jsonl at every tick, and the same for TensorBoard."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from stylegan2.files import write_atomically

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

FRAMES = 100  # of the film, at most
FRAME_MS = 120
LAST_FRAME_MS = 2000
FILM_WIDTH = 640  # px that small grids are enlarged to, about
LARGEST_WEBP = 16383  # px a side


@dataclass(frozen=True)
class Tick:
    """A progress report; also one line of curve.jsonl.

    Attributes:
        step: steps done.
        kimg: thousand real images that the discriminator has seen.
        total_kimg: how many it will have seen in the end.
        p: strength of the augmentation.
        values: means since the last report (losses, logits, r_t, gradient norms, path length) and what is measured now.
        images_per_s: since the last report; 0 before the first step.
        wall_s: seconds since this process began to train.
        memory_mib: most memory used so far.
        device: what computes, all processes together.
        warning: what the user should know, if anything.
    """

    step: int
    kimg: float
    total_kimg: float
    p: float
    values: dict[str, float]
    images_per_s: float
    wall_s: float
    memory_mib: float
    device: str
    warning: str | None = None


class Curve:
    """The lines of curve.jsonl, and a file of events for TensorBoard where that is asked for.

    Args:
        path: of curve.jsonl; its lines after `step` are dropped, since a training that goes on writes them again.
        step: steps done before the first tick; None for a training that begins.
        events: folder for TensorBoard, or None.

    Raises:
        ValueError: TensorBoard is asked for and is not installed.
    """

    def __init__(self, path: Path, step: int | None, events: Path | None) -> None:
        self._path = path
        step = -1 if step is None else step
        self.lines = _lines_until(path, step)
        self._board = None if events is None else _open_board(events, step)

    def append(self, tick: Tick) -> None:
        """Add a line, and force it to disk."""
        record: dict[str, Any] = asdict(tick)
        record |= record.pop("values")
        del record["total_kimg"]  # the same in every line, and another when a training is made longer
        if tick.warning is None:
            del record["warning"]
        self.lines.append(record)
        with self._path.open("a") as file:
            file.write(json.dumps(record) + "\n")
            file.flush()
            os.fsync(file.fileno())
        if self._board is not None:
            for name, value in record.items():
                if isinstance(value, float):
                    self._board.add_scalar(name, value, tick.step)

    def show(self, picture: Path, step: int) -> None:
        """Show a PNG in TensorBoard."""
        if self._board is not None:
            self._board.add_image("grid", np.asarray(Image.open(picture).convert("RGB")), step, dataformats="HWC")
            self._board.flush()


def save_film(frames: Sequence[Path], path: Path) -> None:
    """Write PNG files, of which long rows are thinned out evenly, as an animated WebP that stays on its last frame."""
    chosen = np.unique(np.linspace(0, len(frames) - 1, min(FRAMES, len(frames))).round().astype(int))
    pictures = [_enlarged(Image.open(frames[index])) for index in chosen]
    lengths = [FRAME_MS] * (len(pictures) - 1) + [LAST_FRAME_MS]
    write_atomically(
        path,
        lambda aside: pictures[0].save(
            aside, format="WEBP", save_all=True, append_images=pictures[1:], duration=lengths, loop=0, quality=85
        ),
    )


def _enlarged(frame: Image.Image) -> Image.Image:
    white = Image.new("RGBA", frame.size, "white")
    white.alpha_composite(frame.convert("RGBA"))
    scale = min(max(1, round(FILM_WIDTH / frame.width)), LARGEST_WEBP / max(frame.size))
    size = (max(1, int(frame.width * scale)), max(1, int(frame.height * scale)))
    return white.convert("RGB").resize(size, Image.Resampling.BICUBIC)


def _lines_until(path: Path, step: int) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    texts = [text for text in path.read_text().splitlines(keepends=True) if text.endswith("\n")]
    kept = [text for text in texts if json.loads(text)["step"] <= step]
    write_atomically(path, lambda aside: aside.write_text("".join(kept)))
    return [json.loads(text) for text in kept]


def _open_board(events: Path, step: int) -> SummaryWriter:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ValueError("TensorBoard is not installed: install the extra tracking, or do without.") from error
    return SummaryWriter(str(events), purge_step=step + 1)
