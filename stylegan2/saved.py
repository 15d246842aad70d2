"""w of pictures in a file: safetensors, or NumPy's format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from stylegan2.files import write_tensors
from stylegan2.settings import NetworkSettings

SUFFIXES = (".safetensors", ".npy")


def save_w(path: Path, ws: Tensor, weights: Tensor | None = None, noise: Sequence[Tensor] = ()) -> None:
    """Write w `[N, L, w_dim]`, and what belongs to it where there is some.

    Args:
        path: .safetensors.
        ws: w.
        weights: of the classes of each, `[N, classes]`.
        noise: of each layer, `[1, 1, H, W]`, as `noise.0` and so on.
    """
    tensors = {"w": ws} if weights is None else {"w": ws, "classes": weights}
    write_tensors(path, tensors | {f"noise.{layer}": values for layer, values in enumerate(noise)})


def load_w(path: Path, settings: NetworkSettings) -> tuple[Tensor, Tensor | None]:
    """Read w that `save_w` wrote, or an array of a single w `[w_dim]`, of several `[N, w_dim]` or `[N, L, w_dim]`.

    Args:
        path: .safetensors with a tensor "w", or .npy.
        settings: of the generator that shall draw it.

    Returns:
        w `[N, L, w_dim]`, and the weights of the classes `[N, classes]` where the file has them for this generator.

    Raises:
        ValueError: the file cannot be read, or holds no w for this generator.
    """
    try:
        if path.suffix == ".npy":
            tensors = {"w": torch.from_numpy(np.load(path, allow_pickle=False))}
        else:
            tensors = load_file(path)
    except (OSError, SafetensorError, ValueError, TypeError, EOFError) as error:
        raise ValueError(f"{path} cannot be read as saved w ({error}): give a file that --save-w wrote.") from error
    w = tensors.get("w", torch.empty(0))
    shape = (settings.layers, settings.w_dim)
    if w.ndim in (1, 2) and w.shape[-1] == settings.w_dim:
        w = w.reshape(-1, 1, settings.w_dim).expand(-1, settings.layers, -1)
    if w.ndim != 3 or w.shape[1:] != shape or not w.is_floating_point() or not w.isfinite().all():
        raise ValueError(
            f"{path} holds {list(w.shape)} numbers as w, and this generator takes finite [N, {shape[0]}, {shape[1]}]: "
            "use the generator that it was made with."
        )
    weights = tensors.get("classes")
    fits = weights is not None and weights.shape == (len(w), settings.classes)
    return w.float(), weights.float() if weights is not None and fits else None
