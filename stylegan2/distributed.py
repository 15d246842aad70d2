"""Several processes that train one pair of networks; without torchrun there is only one.

All processes hold the same weights and draw the same random numbers. What differs is which shares of every batch each
one computes, so that the result does not depend on their number, up to the order in which floats are added.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch import distributed as dist


@contextmanager
def joined(device: str) -> Iterator[str]:
    """Join the processes that torchrun started, if it did, and leave them at the end.

    Args:
        device: "cpu", where processes talk by gloo, or "cuda", where each takes a GPU of its own and they talk by NCCL.

    Yields:
        The device of this process.
    """
    if not dist.is_torchelastic_launched():
        yield device
        return
    gpu = torch.device(device).type == "cuda"
    if gpu:
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if gpu else "gloo")
    try:
        yield device
        dist.barrier()  # torchrun ends all when one has ended badly: none leaves while another still writes
    finally:
        dist.destroy_process_group()


def processes() -> int:
    """How many processes there are."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """Which one this is; the first, 0, is the one that writes."""
    return dist.get_rank() if dist.is_initialized() else 0


def agreed(mine: bool, device: torch.device) -> bool:
    """Whether any process says so."""
    said = torch.tensor(float(mine), device=device)
    add_up([said])
    return bool(said)


@torch.no_grad()
def add_up(tensors: Iterable[Tensor]) -> None:
    """Replace tensors of one precision by their sums over the processes, in place, in one message."""
    if processes() == 1:
        return
    tensors = list(tensors)
    message = torch.cat([tensor.flatten() for tensor in tensors])
    dist.all_reduce(message)
    for tensor, total in zip(tensors, torch.split(message, [tensor.numel() for tensor in tensors]), strict=True):
        tensor.copy_(total.view_as(tensor))
