"""How strongly to augment: p follows the discriminator's overfitting (Karras et al. 2020a, section 3)."""

from __future__ import annotations

import torch
from torch import Tensor

from stylegan2.settings import TrainingSettings


def adjusted_strength(strength: Tensor, r_t: Tensor, images: int, settings: TrainingSettings) -> Tensor:
    """Take one step of p, up when the discriminator overfits.

    The cap is 0.8 for a reason. An augmentation leaks into the generated images when the operator (1 - p) I + p S on
    distributions cannot be inverted. For the uniform shift, S multiplies a frequency by a sinc, whose minimum is
    -0.217: 1 - p + p sinc reaches 0 at p = 1 / 1.217 = 0.82, and that frequency is lost for good. Flips and turns
    have eigenvalues of 1 - p, lost at p = 1.

    Args:
        strength: p, scalar.
        r_t: mean sign of the discriminator's logits for real images since the last step, scalar.
        images: real images since the last step.
        settings: target, speed and cap.

    Returns:
        The new p, scalar. No value leaves the device.
    """
    step = images / (settings.augment_speed_kimg * 1000)
    return (strength + torch.sign(r_t - settings.augment.target) * step).clamp(0, settings.augment.cap)
