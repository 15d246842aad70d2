"""The loss, the queue, the momentum update and the shuffle against their definitions."""

import copy
import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from moco.momentum import MomentumContrast, Queue, info_nce, shuffled, update_momentum
from moco.settings import EncoderSettings


def unit(n: int, d: int, seed: int) -> torch.Tensor:
    return F.normalize(torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64), dim=1)


@pytest.mark.parametrize("temperature", [0.07, 0.2, 1.0])
def test_info_nce_equals_the_sum_written_out(temperature: float) -> None:
    queries, keys, negatives = unit(5, 6, 0), unit(5, 6, 1), unit(9, 6, 2)
    total = 0.0
    for q, k in zip(queries, keys, strict=True):
        positive = math.exp(float(q @ k) / temperature)
        others = sum(math.exp(float(q @ n) / temperature) for n in negatives)
        total -= math.log(positive / (positive + others))
    assert info_nce(queries, keys, negatives, temperature).item() == pytest.approx(total / 5, rel=1e-12)


def test_info_nce_is_the_logarithm_of_the_number_of_candidates_when_all_look_alike() -> None:
    same = unit(1, 6, 0)
    loss = info_nce(same.expand(4, 6), same.expand(4, 6), same.expand(15, 6), 0.2)
    assert loss.item() == pytest.approx(math.log(16))


def test_info_nce_passes_gradcheck() -> None:
    queries = unit(3, 4, 0).requires_grad_()
    assert torch.autograd.gradcheck(lambda q: info_nce(q, unit(3, 4, 1), unit(5, 4, 2), 0.2), queries)


def test_the_queue_holds_the_newest_keys_and_forgets_the_oldest() -> None:
    queue = Queue(6, 2, torch.Generator().manual_seed(0))
    assert torch.allclose(queue.keys.norm(dim=1), torch.ones(6))
    pushed = [torch.full((2, 2), float(i)) for i in range(5)]
    for keys in pushed:
        queue.push(keys)
    assert sorted(queue.keys[:, 0].tolist()) == [2.0, 2.0, 3.0, 3.0, 4.0, 4.0]
    queue.push(torch.full((2, 2), 5.0))
    assert 2.0 not in queue.keys


def test_the_momentum_update_is_an_exponential_mean_of_the_query_encoders() -> None:
    query, key = nn.Linear(3, 2).double(), nn.Linear(3, 2).double()
    expected = key.weight.detach().clone()
    for step in range(10):
        with torch.no_grad():
            query.weight.fill_(step)
        update_momentum(key, query, 0.9)
        expected = 0.9 * expected + 0.1 * step
    assert torch.allclose(key.weight, expected, rtol=1e-12)


def test_shuffling_changes_the_company_but_not_the_order_of_the_results() -> None:
    order = torch.tensor([3, 1, 0, 2])
    images = torch.arange(4.0)[:, None]
    seen = []

    def encoder(x: torch.Tensor) -> torch.Tensor:
        seen.append(x.flatten().tolist())
        return x * 10

    result = shuffled(encoder, images, order)
    assert seen == [[3.0, 1.0, 0.0, 2.0]]
    assert result.flatten().tolist() == [0.0, 10.0, 20.0, 30.0]


@pytest.mark.parametrize("symmetric", [False, True])
def test_a_step_gives_gradients_to_the_query_encoder_only(settings: EncoderSettings, symmetric: bool) -> None:
    settings = EncoderSettings.model_validate(settings.model_dump() | {"symmetric": symmetric, "queue": 64})
    model = MomentumContrast(settings, seed=0)
    before = model.queue.keys.clone()
    first, second = torch.rand(2, 16, 3, 16, 16)
    model(first, second, torch.randperm(16)).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.query.parameters())
    assert all(p.grad is None for p in model.key.parameters())
    assert (model.queue.keys != before).any(dim=1).sum() == (32 if symmetric else 16)


def test_the_symmetric_loss_is_the_mean_over_both_directions(settings: EncoderSettings) -> None:
    one_way = MomentumContrast(EncoderSettings.model_validate(settings.model_dump() | {"queue": 32}), seed=0)
    both_ways = MomentumContrast(
        EncoderSettings.model_validate(settings.model_dump() | {"queue": 32, "symmetric": True}), seed=0
    )
    first, second = torch.rand(2, 16, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    order = torch.arange(16).flip(0)
    there, back = (copy.deepcopy(one_way)(*views, order) for views in ((first, second), (second, first)))
    assert both_ways(first, second, order).item() == pytest.approx((there.item() + back.item()) / 2, rel=1e-5)
