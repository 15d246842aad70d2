"""Several processes that train one encoder, each on its rows of every batch; without torchrun there is only one.

All processes hold the same weights, the same queue and the same draws. What differs is the rows that each one computes,
so that the result does not depend on their number, up to the order in which floats are added.
"""

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


def is_first() -> bool:
    """Whether this is the process that measures, reports and writes."""
    return not dist.is_initialized() or dist.get_rank() == 0


def own_rows(batch: int) -> slice:
    """This process's rows of a batch, whose length is a multiple of the number of processes."""
    each = batch // processes()
    first = dist.get_rank() * each if dist.is_initialized() else 0
    return slice(first, first + each)


@torch.no_grad()
def gather(rows: Tensor) -> Tensor:
    """The rows of all processes, `[n, ...]` to `[processes n, ...]`, without a gradient."""
    if processes() == 1:
        return rows
    parts = [torch.empty_like(rows) for _ in range(processes())]
    dist.all_gather(parts, rows.contiguous())
    return torch.cat(parts)


@torch.no_grad()
def average(tensors: Iterable[Tensor]) -> None:
    """Replace tensors by their means over the processes, in place, in one message."""
    if processes() == 1:
        return
    tensors = list(tensors)
    message = torch.cat([tensor.flatten() for tensor in tensors])
    dist.all_reduce(message)
    message /= processes()
    for tensor, mean in zip(tensors, torch.split(message, [tensor.numel() for tensor in tensors]), strict=True):
        tensor.copy_(mean.view_as(tensor))


def agreed(decision: bool, device: str) -> bool:
    """The first process's decision, in every process; none goes on before the first one asks."""
    if processes() == 1:
        return decision
    answer = torch.tensor(int(decision), device=device)
    dist.broadcast(answer, src=0)
    return bool(answer)
