"""The mapping network: a latent z and a class become an intermediate latent w."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stylegan2.layers import EqualizedLinear, normalize_second_moment

LR_MULTIPLIER = 0.01  # the mapping learns a hundred times slower than the rest (Karras et al. 2019)


class Mapping(nn.Module):
    """Fully connected layers from z, a class, or both, to w.

    Any module that is called alike can stand in for it in a generator; one that gives every layer of the synthesis
    its own w returns `[N, layers, w_dim]`.

    Args:
        z_dim: size of z; 0 for a mapping of the class alone, as the discriminator has.
        classes: number of classes; 0 for a mapping of z alone.
        w_dim: size of w, and of every hidden layer.
        depth: number of fully connected layers.
        transition: the class counts as much as the buffer `class_weight`, 0 to 1, says.
    """

    def __init__(self, z_dim: int, classes: int, w_dim: int, depth: int, transition: bool = False) -> None:
        super().__init__()
        self.classes = classes
        self.embed = EqualizedLinear(classes, w_dim) if classes else None
        self.class_weight: Tensor | None
        self.register_buffer("class_weight", torch.ones(()) if transition else None)
        sizes = [z_dim + (w_dim if classes else 0)] + [w_dim] * depth
        self.layers = nn.ModuleList(
            EqualizedLinear(sizes[i], sizes[i + 1], activate=True, lr_multiplier=LR_MULTIPLIER) for i in range(depth)
        )

    def forward(self, z: Tensor | None, labels: Tensor | None) -> Tensor:
        """Map a batch.

        Args:
            z: unit normal latents `[N, z_dim]`, or None where z_dim is 0.
            labels: classes `[N]` (int64), or weights of the classes `[N, classes]` (float); unused without classes.

        Returns:
            w, `[N, w_dim]`.
        """
        parts = [] if z is None else [normalize_second_moment(z)]
        if self.embed is not None:
            if labels is None:
                raise ValueError(f"This network has {self.classes} classes: say which class each image shall have.")
            embedded = normalize_second_moment(self.embed(self._as_weights(labels)))
            parts.append(embedded if self.class_weight is None else embedded * self.class_weight)
        w = torch.cat(parts, dim=1)
        for layer in self.layers:
            w = layer(w)
        return w

    def _as_weights(self, labels: Tensor) -> Tensor:
        if labels.is_floating_point():
            return labels
        assert self.embed is not None
        return F.one_hot(labels, self.classes).to(self.embed.weight.dtype)
