"""Starting from trained networks, with other classes, with frozen blocks, and by fading the classes in."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from stylegan2.checkpoints import CheckpointError, load_discriminator, load_generator
from stylegan2.images import TrainingImages
from stylegan2.phases import Trainer
from stylegan2.planning import plan
from stylegan2.presets import recipe
from stylegan2.settings import TrainingSettings
from stylegan2.state import TrainingState, initial_state
from stylegan2.training import train
from stylegan2.transfer import OF_CLASSES, transfer

Logos = tuple[NDArray[np.uint8], NDArray[np.int64]]


@pytest.fixture
def trained(logos: Logos, quick: TrainingSettings, tmp_path: Path) -> dict[str, object]:
    """The settings that start from a short training without classes."""
    folder = train(logos[0], None, quick.model_copy(update={"total_kimg": 0.016}), 5, tmp_path / "before")
    names = {f"start_{name}": folder / f"{name}.safetensors" for name in ("generator", "discriminator")}
    return quick.model_dump() | names


def started(logos: Logos, settings: TrainingSettings) -> Trainer:
    networks, row = plan(*logos, settings)
    state = initial_state(networks, settings, row, 6, torch.device("cpu"))
    transfer(state, settings)
    return Trainer(state, TrainingImages(*logos, 6, torch.device("cpu")), settings, row, 6)


def test_networks_without_classes_start_a_training_with_some(logos: Logos, trained: dict[str, object]) -> None:
    settings = TrainingSettings.model_validate(trained)
    state = started(logos, settings).state
    generator = load_generator(settings.start_generator or "")
    discriminator = load_discriminator(settings.start_discriminator or "")
    pairs: list[tuple[nn.Module, nn.Module]] = [
        (state.generator, generator), (state.average, generator), (state.discriminator, discriminator)
    ]  # fmt: skip
    for network, start in pairs:
        taken = {name: value for name, value in start.state_dict().items() if not name.startswith(OF_CLASSES)}
        assert len(taken) > 10
        assert all(torch.equal(network.state_dict()[name], value) for name, value in taken.items())
    assert state.generator.settings.classes == 3
    assert recipe(settings, 16, 16).ema_ramp == 0.0


def test_the_start_decides_the_size_of_the_networks(trained: dict[str, object], tmp_path: Path) -> None:
    start = {"start_generator": trained["start_generator"], "mapping_depth": None}
    settings = TrainingSettings.model_validate(start | {"batch": 8})
    names = ("z_dim", "w_dim", "channel_base", "channel_max")
    assert [getattr(settings, name) for name in names] == [trained[name] for name in names]
    assert settings.mapping_depth == load_generator(str(trained["start_generator"])).settings.mapping_depth


def test_the_start_decides_the_layers_of_the_discriminator(
    logos: Logos, quick: TrainingSettings, tmp_path: Path
) -> None:
    plain = quick.model_copy(update={"total_kimg": 0.016, "discriminator": "orig", "label_depth": 2})
    folder = train(*logos, plain, 5, tmp_path)
    names = {f"start_{name}": folder / f"{name}.safetensors" for name in ("generator", "discriminator")}
    state = started(logos, TrainingSettings.model_validate(names | {"batch": 8})).state
    assert (state.discriminator.settings.discriminator, state.discriminator.settings.label_depth) == ("orig", 2)
    for name, value in load_discriminator(names["start_discriminator"]).state_dict().items():
        assert torch.equal(state.discriminator.state_dict()[name], value)
    with pytest.raises(CheckpointError, match=r"label_depth is 8, but that of .* is 2: leave it out"):
        started(logos, TrainingSettings.model_validate(names | {"batch": 8, "label_depth": 8}))


@pytest.mark.parametrize("content", [None, b"", b"\xff" * 64, b"\x02" + bytes(7) + b"[]", b"\x02" + bytes(7) + b"{}"])
def test_a_start_that_is_no_generator_is_refused(content: bytes | None, tmp_path: Path) -> None:
    start = tmp_path / "start.safetensors"
    if content is not None:
        start.write_bytes(content)
    with pytest.raises(ValueError, match="which is no generator: name one that train_gan"):
        TrainingSettings(start_generator=start)


def test_networks_for_other_pictures_are_refused(logos: Logos, trained: dict[str, object]) -> None:
    with pytest.raises(CheckpointError, match=r"mapping_depth is 5, but that of .* is \d: leave it out"):
        started(logos, TrainingSettings.model_validate(trained | {"mapping_depth": 5}))
    for name in ("z_dim", "w_dim"):
        with pytest.raises(CheckpointError, match=rf"{name} is 16, but that of .* is 8: leave it out"):
            started(logos, TrainingSettings.model_validate(trained | {name: 16}))
    for wishes in ({"channel_max": 4}, {"discriminator": "orig"}):
        with pytest.raises(CheckpointError, match="does not fit: start from a training for pictures of the same size"):
            started(logos, TrainingSettings.model_validate(trained | wishes))


def test_frozen_blocks_stay_and_the_others_learn(logos: Logos, trained: dict[str, object]) -> None:
    trainer = started(logos, TrainingSettings.model_validate(trained | {"frozen_blocks": 1}))
    before = {name: value.clone() for name, value in trainer.state.discriminator.state_dict().items()}
    for _ in range(3):
        trainer.step()
    after = trainer.state.discriminator.state_dict()
    still = {
        name.partition(".")[0] + name.partition(".")[2][:1] for name in after if torch.equal(after[name], before[name])
    }
    assert still >= {"from_picturew", "from_pictureb", "blocks0"}
    learnt = [name for name in after if not torch.equal(after[name], before[name])]
    assert any(name.startswith("blocks.1") for name in learnt)
    assert not any(name.startswith(("blocks.0", "from_picture")) for name in learnt)
    with pytest.raises(ValueError, match="no block has learnt anything yet: name a start_discriminator"):
        TrainingSettings(frozen_blocks=1)
    with pytest.raises(ValueError, match=r"frozen_blocks is 3, but the discriminator has 2 blocks: choose fewer"):
        plan(*logos, TrainingSettings.model_validate(trained | {"frozen_blocks": 3}))


def test_a_training_with_frozen_blocks_goes_on_from_its_snapshot(
    logos: Logos, trained: dict[str, object], tmp_path: Path
) -> None:
    settings = TrainingSettings.model_validate(trained | {"frozen_blocks": 1, "total_kimg": 0.064})
    train(*logos, settings.model_copy(update={"total_kimg": 0.032}), 5, tmp_path / "twice")
    train(*logos, settings, 5, tmp_path / "twice")
    train(*logos, settings, 5, tmp_path / "once")
    for name in ("generator", "discriminator"):
        once, twice = ((tmp_path / way / f"{name}.safetensors").read_bytes() for way in ("once", "twice"))
        assert once == twice


def test_the_class_is_faded_in_on_a_straight_line() -> None:
    settings = TrainingSettings(unconditional_kimg=10, transition_kimg=20)
    assert [settings.class_weight(kimg) for kimg in (0, 9.9, 10, 15, 30, 99)] == [0, 0, 0, 0.25, 1, 1]
    assert [TrainingSettings(unconditional_kimg=10).class_weight(kimg) for kimg in (9.9, 10)] == [0, 1]
    assert not TrainingSettings().transition


def outputs(state: TrainingState, label: int) -> torch.Tensor:
    """What both networks make of one latent, and of one picture, as a class."""
    z = torch.randn(4, 8, generator=torch.Generator().manual_seed(0))
    labels = torch.full((4,), label)
    with torch.no_grad():
        picture = state.generator(z, labels)
        logits = state.discriminator(torch.tanh(z).repeat(1, 96).reshape(4, 3, 16, 16), labels)
    return torch.cat([picture.flatten(), logits])


def test_before_the_transition_classes_make_no_difference_and_after_it_they_do(
    logos: Logos, quick: TrainingSettings
) -> None:
    settings = quick.model_copy(update={"unconditional_kimg": 0.016, "transition_kimg": 0.016})
    trainer = started(logos, settings)
    trainer.step()  # step 0: no class
    assert torch.equal(outputs(trainer.state, 0), outputs(trainer.state, 2))
    for _ in range(3):
        trainer.step()
    half = float(trainer.state.generator.get_buffer("mapping.class_weight"))
    assert half == float(trainer.state.discriminator.get_buffer("class_weight")) == 0.5  # step 3, 24 images
    trainer.step()
    assert float(trainer.state.average.get_buffer("mapping.class_weight")) == 1.0
    assert (outputs(trainer.state, 0) - outputs(trainer.state, 2)).abs().max() > 1e-3
    with pytest.raises(ValueError, match="A transition brings in classes, and there are none"):
        plan(logos[0], None, settings)


def test_a_discriminator_that_weighs_the_class_in_full_adds_both_terms(logos: Logos, quick: TrainingSettings) -> None:
    state = started(logos, quick.model_copy(update={"transition_kimg": 1.0})).state
    pictures, labels = torch.randn(4, 3, 16, 16), torch.tensor([0, 1, 2, 0])
    weight = state.discriminator.get_buffer("class_weight")
    with torch.no_grad():
        logits = [state.discriminator(pictures, labels) for w in (0.0, 0.5, 1.0) if weight.fill_(w) is not None]
    torch.testing.assert_close(logits[1], (logits[0] + logits[2]) / 2)
