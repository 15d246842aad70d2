"""The generator: mapping, synthesis, and the running averages of w that truncation pulls towards."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from stylegan2.mapping import Mapping
from stylegan2.settings import NetworkSettings
from stylegan2.synthesis import Noise, Synthesis

W_AVERAGE_DECAY = 0.995  # per training step
Centre = Literal["class", "global"]


class Generator(nn.Module):
    """A latent z and a class become a picture.

    Attributes:
        w_avg: running average of w over all classes, `[w_dim]`.
        w_avg_by_class: the same for each class, `[classes, w_dim]`.
    """

    def __init__(self, settings: NetworkSettings, mapping: nn.Module | None = None) -> None:
        super().__init__()
        self.settings = settings
        if mapping is None:
            depth, transition = settings.mapping_depth, settings.transition
            mapping = Mapping(settings.z_dim, settings.classes, settings.w_dim, depth, transition)
        self.mapping = mapping
        self.synthesis = Synthesis(settings)
        self.w_avg: Tensor
        self.w_avg_by_class: Tensor
        self.register_buffer("w_avg", torch.zeros(settings.w_dim))
        self.register_buffer("w_avg_by_class", torch.zeros(settings.classes, settings.w_dim))

    def forward(self, z: Tensor, labels: Tensor | None = None, noise: Noise = "const") -> Tensor:
        """Latents `[N, z_dim]` and classes `[N]` to pictures `[N, channels, height, width]`."""
        image: Tensor = self.synthesis(self.map(z, labels), noise)
        return image

    def map(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Latents `[N, z_dim]` and classes `[N]` to a w for each layer, `[N, layers, w_dim]`."""
        w: Tensor = self.mapping(z, labels)
        return w if w.ndim == 3 else w.unsqueeze(1).expand(-1, self.settings.layers, -1)

    def truncate(
        self,
        ws: Tensor,
        psi: float | Tensor,
        labels: Tensor | None = None,
        centre: Centre = "class",
        layers: int | None = None,
    ) -> Tensor:
        """Pull w towards its average: less variety, fewer failures.

        Args:
            ws: `[N, layers, w_dim]`.
            psi: 1 leaves w alone, 0 is the average, values between trade variety for quality; a tensor is `[]`.
            labels: classes `[N]` of the images; without them the centre is the global average.
            centre: pull towards the average of each image's own class, or towards that of all classes.
            layers: only the first so many layers are truncated; None truncates all.

        Returns:
            `[N, layers, w_dim]`.
        """
        average = self.w_avg.expand(ws.shape[0], -1)
        if centre == "class" and labels is not None and self.settings.classes:
            weights = labels if labels.is_floating_point() else None
            average = self.w_avg_by_class[labels] if weights is None else weights @ self.w_avg_by_class
        truncated = torch.lerp(average.unsqueeze(1).expand_as(ws), ws, psi)
        return truncated if layers is None else torch.cat([truncated[:, :layers], ws[:, layers:]], dim=1)

    @torch.no_grad()
    def track_average(self, w_sums: Tensor, counts: Tensor) -> None:
        """Move the running averages towards the w of one training batch.

        Args:
            w_sums: sum of w for each class, `[max(classes, 1), w_dim]`.
            counts: images of each class in the batch, `[max(classes, 1)]`.
        """
        total = counts.sum()
        self.w_avg.lerp_(w_sums.sum(dim=0) / total, 1 - W_AVERAGE_DECAY)
        if self.settings.classes:
            # A class that fills its even share of the batch moves as fast as the global average, a rare one slower.
            weight = 1 - W_AVERAGE_DECAY ** (counts * self.settings.classes / total).unsqueeze(1)
            self.w_avg_by_class.lerp_(w_sums / counts.clamp(min=1).unsqueeze(1), weight)
