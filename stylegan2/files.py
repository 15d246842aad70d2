"""Files that are whole or not there: written aside, forced to disk, renamed."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from stylegan2.distributed import rank


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


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises:
        ValueError: it is not there, or damaged.
    """
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is missing or damaged: delete the folder {path.parent}, or bring it back.") from error


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Have the folder for the first process of this training alone; the kernel gives it back when that ends.

    Raises:
        ValueError: another training has it.
    """
    if rank() > 0:
        yield
        return
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT)  # writable, which NFS asks for
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise ValueError(f"Another process trains in {folder}: wait for its end, or choose another folder.") from error
    finally:
        os.close(descriptor)


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
