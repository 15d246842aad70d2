"""Files that are whole or not there: written aside, forced to disk, renamed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside `path`, and put it in place when it is complete and on disk."""
    aside = path.with_name(f".{path.name}.tmp")
    write(aside)
    sync(aside)
    aside.replace(path)
    sync(path.parent)


def write_json(path: Path, value: Any) -> None:
    """Write readable JSON with sorted keys."""
    text = json.dumps(value, indent=2, sort_keys=True) + "\n"
    write_atomically(path, lambda aside: aside.write_text(text))


def write_tensors(path: Path, tensors: dict[str, Tensor], metadata: str | None = None) -> None:
    """Write safetensors; the metadata is one string, because several come in no fixed order."""
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    note = None if metadata is None else {"settings": metadata}
    write_atomically(path, lambda aside: save_file(contiguous, str(aside), metadata=note))


def sync(path: Path) -> None:
    """Force a file or folder to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
