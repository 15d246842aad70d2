"""Start a training from networks that were trained before, on other pictures or other classes."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from stylegan2.checkpoints import CheckpointError, load_discriminator, load_generator
from stylegan2.discriminator import Discriminator
from stylegan2.generator import Generator
from stylegan2.settings import TrainingSettings
from stylegan2.state import TrainingState

Network: TypeAlias = Generator | Discriminator
OF_CLASSES = ("mapping.", "out.", "unconditional.", "w_avg_by_class", "class_weight")
"""Parts whose shapes depend on the classes; where those differ from the start's, they begin untrained."""


def transfer(state: TrainingState, settings: TrainingSettings) -> None:
    """Take over the networks that the settings name, if any.

    Raises:
        CheckpointError: they are for other pictures, or no networks at all.
    """
    if settings.start_generator is not None:
        take_over(state.generator, load_generator(settings.start_generator), settings.start_generator)
        state.average.load_state_dict(state.generator.state_dict())
    if settings.start_discriminator is not None:
        take_over(state.discriminator, load_discriminator(settings.start_discriminator), settings.start_discriminator)


def take_over(network: Network, start: Network, path: Path) -> None:
    """Copy every weight of `start` that fits into the network.

    Raises:
        CheckpointError: one that does not depend on the classes is in one of them only, or does not fit.
    """
    for name in ("z_dim", "w_dim", "mapping_depth", *(("label_depth",) if start.settings.classes else ())):
        asked, found = (getattr(part.settings, name) for part in (network, start))
        if asked != found:
            raise CheckpointError(f"{name} is {asked}, but that of {path} is {found}: leave it out.")
    own, theirs = network.state_dict(), start.state_dict()
    fitting = {name: value for name, value in theirs.items() if name in own and own[name].shape == value.shape}
    for name in {**own, **theirs}:
        if name not in fitting and not name.startswith(OF_CLASSES):
            raise CheckpointError(
                f"{name} of {path} does not fit: start from a training for pictures of the same size and channels, "
                "with the same channel_base, channel_max and discriminator."
            )
    network.load_state_dict(own | fitting)
