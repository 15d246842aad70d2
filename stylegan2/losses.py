"""What the two networks are trained to minimise (Karras et al. 2020; Mescheder et al. 2018 for R1)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def generator_loss(fake_logits: Tensor) -> Tensor:
    """Non-saturating loss for each fake, `[N]` to `[N]`: small when the discriminator takes it for real."""
    return F.softplus(-fake_logits)


def fake_loss(fake_logits: Tensor) -> Tensor:
    """The discriminator's loss for each fake, `[N]` to `[N]`."""
    return F.softplus(fake_logits)


def real_loss(real_logits: Tensor) -> Tensor:
    """The discriminator's loss for each real image, `[N]` to `[N]`."""
    return F.softplus(-real_logits)


def r1_penalty(real_logits: Tensor, images: Tensor) -> Tensor:
    """Squared gradient of each logit in its own image, to be weighted by gamma / 2.

    Args:
        real_logits: `[N]`, depend on `images`.
        images: real images before augmentation, with `requires_grad`, `[N, C, H, W]`.

    Returns:
        `[N]`, differentiable with respect to the discriminator's weights.
    """
    (gradient,) = torch.autograd.grad(real_logits.sum(), images, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3))


def path_lengths(images: Tensor, ws: Tensor, noise: Tensor) -> Tensor:
    """Length of the generator's Jacobian-vector product for each image (Karras et al. 2020, eq. 4).

    Args:
        images: generated images that depend on `ws`, `[N, C, H, W]`.
        ws: per-layer latents with `requires_grad`, `[N, L, D]`.
        noise: unit normal noise divided by sqrt(H W), `[N, C, H, W]`.

    Returns:
        Lengths `[N]`, differentiable with respect to the generator's weights.
    """
    (gradient,) = torch.autograd.grad((images * noise).sum(), ws, create_graph=True)
    return gradient.square().sum(dim=2).mean(dim=1).sqrt()
