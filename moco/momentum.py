"""Momentum contrast (He et al. 2020): two encoders, a queue of keys, the momentum update and the loss."""

import copy
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from moco.distributed import average, gather, own_rows, processes
from moco.encoder import create_encoder, load_encoder
from moco.normalisation import SplitBatchNorm2d
from moco.published import load_published
from moco.randomness import generator
from moco.settings import EncoderSettings, is_own


def shuffled(encoder: nn.Module, images: Tensor, order: Tensor) -> Tensor:
    """Encode the batch in another order, each process its rows of that, and return it in the order given.

    Args:
        encoder: maps `[n, 3, S, S]` to `[n, D]`.
        images: this process's rows of the batch, `[n, 3, S, S]`; the others' are fetched.
        order: a permutation of the whole batch, `[N]`.

    Returns:
        The whole batch, in its own order, `[N, D]`.
    """
    company = gather(images)[order[own_rows(len(order))]]
    return gather(cast(Tensor, encoder(company)).float())[torch.argsort(order)]


@torch.no_grad()
def update_momentum(key: nn.Module, query: nn.Module, momentum: float) -> None:
    """Move the key encoder's parameters towards the query encoder's: `key = momentum key + (1 - momentum) query`."""
    for slow, fast in zip(key.parameters(), query.parameters(), strict=True):
        slow.lerp_(fast, 1 - momentum)


def info_nce(queries: Tensor, keys: Tensor, negatives: Tensor, temperature: float) -> Tensor:
    """Cross entropy of finding a query's own key among the negatives (van den Oord et al. 2018; He et al. 2020, eq. 1).

    Args:
        queries: unit vectors `[N, D]`.
        keys: unit vectors `[N, D]`; row i is the positive of query i.
        negatives: unit vectors `[K, D]`.
        temperature: divides the similarities.

    Returns:
        The mean loss in nats, a scalar; `log(K + 1)` when nothing is learnt.
    """
    positive = (queries * keys).sum(dim=1, keepdim=True)  # [N, 1]
    logits = torch.cat([positive, queries @ negatives.T], dim=1) / temperature  # [N, 1 + K]
    return F.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long, device=logits.device))


class Queue(nn.Module):
    """The newest K keys; a new batch replaces the oldest.

    Attributes:
        keys: unit vectors `[K, D]`.
        position: row that the next batch is written to.
    """

    keys: Tensor
    position: Tensor

    def __init__(self, size: int, dimensions: int, draw: torch.Generator) -> None:
        super().__init__()
        self.register_buffer("keys", F.normalize(torch.randn(size, dimensions, generator=draw), dim=1))
        self.register_buffer("position", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def push(self, keys: Tensor) -> None:
        """Replace the oldest keys by new ones, `[N, D]` with N a divisor of K."""
        start = int(self.position)
        assert len(self.keys) % len(keys) == 0, "the queue must be a multiple of the batch"
        self.keys[start : start + len(keys)] = keys
        self.position.fill_((start + len(keys)) % len(self.keys))


class MomentumContrast(nn.Module):
    """The query encoder that is trained, the key encoder that follows it, and the queue."""

    def __init__(self, settings: EncoderSettings, seed: int) -> None:
        super().__init__()
        self.settings = settings
        self.query = create_encoder(settings, seed)
        if settings.weights:
            if is_own(settings.weights):
                self.query.load_state_dict(load_encoder(settings.weights).state_dict())
            else:
                load_published(self.query, settings.weights)
        for module in self.query.modules():
            if isinstance(module, SplitBatchNorm2d):
                module.groups //= processes()  # the others are normalised elsewhere
        self.key = copy.deepcopy(self.query).requires_grad_(False)
        self.queue = Queue(settings.queue, settings.dimensions, generator(seed, "queue"))

    def forward(self, first: Tensor, second: Tensor, order: Tensor) -> Tensor:
        """The loss of a step on this process's rows of the batch; moves the key encoder and the queue on.

        Args:
            first: views that are queries (and keys as well, when symmetric), `[n, 3, S, S]`.
            second: views of the same images that are keys (and queries as well), `[n, 3, S, S]`.
            order: permutation in which the key encoder sees the whole batch, `[N]`.
        """
        update_momentum(self.key, self.query, self.settings.momentum)
        negatives = self.queue.keys.clone()  # the queue is overwritten below, before backward needs them
        losses, pushed = [], []
        for queries, keys in [(first, second), (second, first)] if self.settings.symmetric else [(first, second)]:
            with torch.autocast(first.device.type, torch.bfloat16, enabled=self.settings.dtype == "bfloat16"):
                q = self.query(queries)
                with torch.no_grad():
                    k = shuffled(self.key, keys, order)
            q, k = F.normalize(q.float(), dim=1), F.normalize(k, dim=1)
            losses.append(info_nce(q, k[own_rows(len(k))], negatives, self.settings.temperature))
            pushed.append(k)
        self.queue.push(torch.cat(pushed))
        return torch.stack(losses).mean()

    def synchronise(self) -> None:
        """Let every process have the running statistics of all: means, as one process has of all its parts.

        A step moves them on by a weighted mean, so that it does not matter how many steps lie in between.
        """
        average(buffer for name, buffer in self.named_buffers() if "running" in name)
