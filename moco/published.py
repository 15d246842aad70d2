"""Weights of a published MoCo v2 encoder, such as moco_v2_800ep_pretrain.pth.tar, in an encoder of ours."""

from pathlib import Path

import torch
from torch import Tensor

from moco.encoder import STAGES, Encoder

PREFIX = "module.encoder_q."  # what training on several devices, and a model of two encoders, put before each name
HEAD = "fc."


def load_published(encoder: Encoder, path: Path) -> None:
    """Give an encoder the weights of a published one, in place.

    Every name and shape of the network has to fit. The head is taken where it embeds in as many dimensions; otherwise
    the encoder keeps its own.

    Args:
        encoder: a resnet50 of width 64 with stem_stride 4.
        path: a checkpoint as published; it is read without running any code that it may hold.

    Raises:
        ValueError: there is no such file, or it holds no such network.
    """
    given = _read(path)
    ours = {_published_name(name, encoder.settings.network): name for name in encoder.state_dict()}
    wanted = {theirs: encoder.state_dict()[name].shape for theirs, name in ours.items()}
    remedy = f"choose a MoCo v2 checkpoint of a {encoder.settings.network}."
    if missing := sorted(wanted.keys() - given.keys()):
        raise ValueError(f"{path} lacks {len(missing)} tensors, such as {PREFIX}{missing[0]}: {remedy}")
    if unknown := sorted(given.keys() - wanted.keys()):
        raise ValueError(f"{path} holds {PREFIX}{unknown[0]}, which the network does not have: {remedy}")
    dimensions = given["fc.2.bias"].numel()
    wanted |= {"fc.2.weight": torch.Size([dimensions, wanted["fc.2.weight"][1]]), "fc.2.bias": torch.Size([dimensions])}
    for name, shape in wanted.items():
        if given[name].shape != shape:
            raise ValueError(f"{path} holds {PREFIX}{name} as {list(given[name].shape)}, not {list(shape)}: {remedy}")
        if not torch.isfinite(given[name]).all():
            raise ValueError(f"{path} holds {PREFIX}{name} with values that are no numbers: {remedy}")
    fits = dimensions == encoder.settings.dimensions
    taken = {name: given[theirs] for theirs, name in ours.items() if fits or not theirs.startswith(HEAD)}
    encoder.load_state_dict(encoder.state_dict() | taken)


def _read(path: Path) -> dict[str, Tensor]:
    """The query encoder's tensors by their names in it; the key encoder, the queue and the optimiser are left out."""
    if not path.is_file():
        raise ValueError(f"weights is {path}, but there is no such file: check the path, or leave it out.")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # what a broken file raises is not documented
        raise ValueError(f"{path} is no checkpoint of torch with nothing but weights: choose another file.") from error
    state = checkpoint.get("state_dict") if isinstance(checkpoint, dict) else None
    if not isinstance(state, dict):
        raise ValueError(f"{path} holds no state_dict: choose a MoCo v2 checkpoint as it was published.")
    return {
        name.removeprefix(PREFIX): tensor
        for name, tensor in state.items()
        if isinstance(name, str) and name.startswith(PREFIX) and isinstance(tensor, Tensor)
    }


def _published_name(name: str, network: str) -> str:
    """What a tensor of ours is called there: `blocks.3.norm1.bias` is `layer2.0.bn1.bias`."""
    part, _, rest = name.partition(".")
    match part:
        case "stem":
            return f"conv1.{rest}"
        case "norm":
            return f"bn1.{rest}"
        case "head":
            return HEAD + rest
    number, _, rest = rest.partition(".")
    places = [f"layer{stage}.{i}" for stage, count in enumerate(STAGES[network][1], start=1) for i in range(count)]
    return f"{places[int(number)]}.{rest.replace('norm', 'bn').replace('shortcut', 'downsample')}"
