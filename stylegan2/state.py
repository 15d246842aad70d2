"""Everything that training changes, in one place, so that a snapshot is one call."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Adam

from stylegan2.discriminator import Discriminator
from stylegan2.generator import Generator
from stylegan2.presets import Recipe
from stylegan2.settings import NetworkSettings, TrainingSettings
from stylegan2.streams import stream


@dataclass
class TrainingState:
    """What a step changes.

    Attributes:
        step: steps done.
        generator: G.
        discriminator: D.
        average: exponential moving average of G, which makes the pictures.
        generator_optimizer: of G.
        discriminator_optimizer: of D.
        strength: p of the augmentation, scalar.
        signs: sum of the signs of D's logits for real images, and their number, since p was last adjusted, `[2]`.
        path_length: running mean of the path lengths, scalar.
    """

    step: int
    generator: Generator
    discriminator: Discriminator
    average: Generator
    generator_optimizer: Adam
    discriminator_optimizer: Adam
    strength: Tensor
    signs: Tensor
    path_length: Tensor

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor of the state under a name of its own."""
        tensors = {"strength": self.strength, "signs": self.signs, "path_length": self.path_length}
        for prefix, network in self._networks().items():
            tensors |= {f"{prefix}.{name}": value for name, value in network.state_dict().items()}
        for prefix, optimizer in self._optimizers().items():
            for index, moments in optimizer.state_dict()["state"].items():
                tensors |= {f"{prefix}.{index}.{name}": value for name, value in moments.items()}
        return tensors

    def load(self, step: int, tensors: dict[str, Tensor]) -> None:
        """Take over the tensors of a snapshot made after `step` steps."""
        self.step = step
        for own, name in ((self.strength, "strength"), (self.signs, "signs"), (self.path_length, "path_length")):
            own.copy_(tensors[name])
        for prefix, network in self._networks().items():
            network.load_state_dict(_under(prefix, tensors))
        for prefix, optimizer in self._optimizers().items():
            weights = optimizer.param_groups[0]["params"]
            moments: dict[int, dict[str, Tensor]] = {}
            for name, value in _under(prefix, tensors).items():
                index, key = name.split(".")
                # The fused optimiser pairs weights and moments as they lie in memory: lay them out alike.
                laid_out = value if key == "step" else torch.empty_like(weights[int(index)]).copy_(value)
                moments.setdefault(int(index), {})[key] = laid_out
            optimizer.load_state_dict(optimizer.state_dict() | {"state": moments})

    def _networks(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator, "average": self.average}

    def _optimizers(self) -> dict[str, Adam]:
        return {
            "generator_optimizer": self.generator_optimizer,
            "discriminator_optimizer": self.discriminator_optimizer,
        }


def initial_state(
    networks: NetworkSettings,
    settings: TrainingSettings,
    row: Recipe,
    seed: int,
    device: torch.device,
    dtype: torch.dtype = torch.float32,
) -> TrainingState:
    """Fresh networks and optimisers; the weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(stream(seed, "weights", 0).initial_seed())
        generator, discriminator = Generator(networks), Discriminator(networks)
    for network in (generator, discriminator):
        network.to(device, dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return TrainingState(
        step=0,
        generator=generator,
        discriminator=discriminator,
        average=deepcopy(generator).eval().requires_grad_(False),
        generator_optimizer=lazy_adam(
            generator, row.learning_rate, settings.path_length_interval if row.path_length_weight else None
        ),
        discriminator_optimizer=lazy_adam(
            discriminator,
            settings.discriminator_learning_rate or row.learning_rate,
            settings.r1_interval if row.r1_gamma else None,
        ),
        strength=torch.tensor(settings.augment.strength, device=device),
        signs=torch.zeros(2, device=device),
        path_length=torch.zeros((), device=device, dtype=dtype),
    )


def lazy_adam(network: nn.Module, learning_rate: float, interval: int | None) -> Adam:
    """Adam (0, 0.99) for a network that is also regularised every `interval` steps, or not at all.

    Lazy regularisation takes interval + 1 optimiser steps where there would be interval: the learning rate and the
    decays are corrected so that as many images have the same effect (Karras et al. 2020, appendix B).
    """
    share = interval / (interval + 1) if interval else 1.0
    return Adam(network.parameters(), lr=learning_rate * share, betas=(0.0, 0.99**share), eps=1e-8, fused=True)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}
