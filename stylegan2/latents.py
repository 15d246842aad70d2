"""What one phase of a training step feeds the generator."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from stylegan2.generator import Generator
from stylegan2.images import TrainingImages
from stylegan2.streams import stream
from stylegan2.synthesis import StoredNoise


@dataclass(frozen=True)
class Latents:
    """Latents, classes and noise for a batch.

    Attributes:
        z: `[N, z_dim]`.
        other_z: latents that style mixing crosses over to, `[N, z_dim]`.
        labels: `[N]`, or None.
        noise: `[N, 1, H, W]` for each convolution, or "none".
        crossover: the first layer that takes its w from `other_z`; the number of layers where nothing is mixed.
    """

    z: Tensor
    other_z: Tensor
    labels: Tensor | None
    noise: StoredNoise | list[Tensor]
    crossover: int

    def share(self, index: int, count: int) -> Latents:
        """Every `count`-th image, from `index`; whole groups, as minibatch deviation forms them."""
        return Latents(
            self.z[index::count],
            self.other_z[index::count],
            None if self.labels is None else self.labels[index::count],
            self.noise if isinstance(self.noise, str) else [noise[index::count] for noise in self.noise],
            self.crossover,
        )

    def ws(self, generator: Generator) -> Tensor:
        """Map to a w for each layer, `[N, layers, w_dim]`, mixing two latents at the crossover."""
        ws = generator.map(self.z, self.labels)
        if self.crossover == ws.shape[1]:
            return ws
        other = generator.map(self.other_z, self.labels)
        return torch.cat([ws[:, : self.crossover], other[:, self.crossover :]], dim=1)


def draw_latents(
    generator: Generator,
    images: TrainingImages,
    *,
    mixing: float,
    noisy: bool,
    seed: int,
    purpose: str,
    step: int,
    count: int,
) -> Latents:
    """Draw a batch for a purpose at a step; `mixing` is the probability of style mixing."""
    random = stream(seed, purpose, step, images.device)
    z_dim, layers = generator.settings.z_dim, generator.settings.layers
    z, other_z = (torch.randn(count, z_dim, generator=random, device=random.device) for _ in range(2))
    z, other_z = z.to(generator.w_avg.dtype), other_z.to(generator.w_avg.dtype)
    labels = images.draw_labels(count, random)
    choice = stream(seed, f"{purpose} mixing", step)  # on the CPU, so that nothing waits for the device
    mixed = torch.rand((), generator=choice).item() < mixing
    crossover = int(torch.randint(1, layers, (), generator=choice)) if mixed else layers
    noise: StoredNoise | list[Tensor] = generator.synthesis.draw_noise(count, random) if noisy else "none"
    return Latents(z, other_z, labels, noise, crossover)
