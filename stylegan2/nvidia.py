"""Weights under the names that the published StyleGAN2-ADA networks use: read them, and write them.

Only names, shapes and numbers are shared; pickled networks are refused, because reading them runs the code inside.
"""

from __future__ import annotations

import ast
import zlib
from pathlib import Path
from tokenize import TokenError
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from stylegan2.discriminator import Discriminator
from stylegan2.generator import Generator
from stylegan2.settings import NetworkSettings

FILTER = torch.outer(torch.tensor([1.0, 3.0, 3.0, 1.0]), torch.tensor([1.0, 3.0, 3.0, 1.0])) / 64


# What safetensors, zipfile, NumPy and ast raise at bytes that are not what they should be.
DAMAGE = (
    SafetensorError, BadZipFile, SyntaxError, TypeError, ValueError, AttributeError, EOFError, zlib.error, TokenError
)  # fmt: skip


class WeightsError(ValueError):
    """The file does not hold StyleGAN2 networks."""


def load_networks(path: str | Path, deviation_group: int = 4) -> tuple[Generator, Discriminator]:
    """Read a generator and its discriminator.

    Args:
        path: .npz or .safetensors with entries `G.*` and `D.*` under the published names; other entries are ignored.
        deviation_group: images in a group of minibatch deviation, which no weight tells; an entry `config` (a literal
            dictionary, in an npz) or the metadata of a safetensors file may say `mbstd`, and then that counts.

    Returns:
        Both networks in eval mode on the CPU. The published networks know one average of w only: that of each class
        is measured anew.

    Raises:
        WeightsError: the file is something else.
    """
    try:
        weights, config = _read(Path(path))
        settings = infer_settings(weights, int(config.get("mbstd", deviation_group)))
    except WeightsError:
        raise
    except DAMAGE as error:
        raise WeightsError(f"{path} is damaged, or is no file of networks: fetch it again.") from error
    generator, discriminator = Generator(settings), Discriminator(settings)
    _fill(generator, {ours: f"G.{theirs}" for ours, theirs in generator_names(settings).items()}, weights)
    _fill(discriminator, {ours: f"D.{theirs}" for ours, theirs in discriminator_names(settings).items()}, weights)
    measure_class_averages(generator)
    return generator.eval().requires_grad_(False), discriminator.eval().requires_grad_(False)


def export(generator: Generator, discriminator: Discriminator, path: str | Path) -> None:
    """Write both networks as safetensors under the published names; the average of each class has none there.

    Raises:
        WeightsError: the published networks are square and judge no picture without its class, but these do or are not.
    """
    settings = generator.settings
    if settings.width != settings.height or settings.transition:
        what = "their transition to classes" if settings.transition else f"{settings.width} x {settings.height} pixels"
        raise WeightsError(f"The published names have none for {what}: export them as ONNX, by stylegan2.export.")
    tensors: dict[str, Tensor] = {}
    for prefix, network, names in (
        ("G", generator, generator_names(settings)),
        ("D", discriminator, discriminator_names(settings)),
    ):
        ours = network.state_dict()
        for name, theirs in names.items():
            value = ours[name].detach().cpu().contiguous()
            tensors[f"{prefix}.{theirs}"] = value[0, 0] if theirs.endswith("noise_const") else value
        for name in filter_names(settings, prefix):
            tensors[f"{prefix}.{name}"] = FILTER.clone()
    save_file(tensors, str(path), metadata={"mbstd": str(settings.deviation_group)})


def generator_names(settings: NetworkSettings) -> dict[str, str]:
    """Our name of each weight of the generator, and the published one."""
    names = {"w_avg": "mapping.w_avg", "synthesis.const": f"synthesis.b{_side(settings, 0)}.const"}
    names |= _mapping_names(settings.classes, settings.mapping_depth)
    for index in range(2 * len(settings.sizes) - 1):
        ours = f"synthesis.convolutions.{index}"
        theirs = f"synthesis.b{_side(settings, (index + 1) // 2)}.conv{(index + 1) % 2}"
        names |= {f"{ours}.{part}": f"{theirs}.{part}" for part in ("weight", "bias", "noise_strength")}
        names |= {f"{ours}.affine.{part}": f"{theirs}.affine.{part}" for part in ("weight", "bias")}
        names[f"{ours}.noise"] = f"{theirs}.noise_const"
    for level in range(len(settings.sizes)):
        ours, theirs = f"synthesis.pictures.{level}", f"synthesis.b{_side(settings, level)}.torgb"
        names |= {f"{ours}.{part}": f"{theirs}.{part}" for part in ("weight", "bias", "affine.weight", "affine.bias")}
    return names


def discriminator_names(settings: NetworkSettings) -> dict[str, str]:
    """Our name of each weight of the discriminator, and the published one."""
    levels = len(settings.sizes)
    names = {}
    for part in ("weight", "bias"):
        names[f"from_picture.{part}"] = f"b{_side(settings, levels - 1)}.fromrgb.{part}"
        for ours, theirs in (("conv", "conv"), ("dense", "fc"), ("out", "out")):
            names[f"{ours}.{part}"] = f"b{_side(settings, 0)}.{theirs}.{part}"
    for index in range(levels - 1):
        ours, theirs = f"blocks.{index}", f"b{_side(settings, levels - 1 - index)}"
        names |= {f"{ours}.conv0.{part}": f"{theirs}.conv0.{part}" for part in ("weight", "bias")}
        names |= {f"{ours}.{part}": f"{theirs}.conv1.{part}" for part in ("weight", "bias")}
        if settings.discriminator == "resnet":
            names[f"{ours}.skip"] = f"{theirs}.skip.weight"
    return names | (_mapping_names(settings.classes, settings.label_depth) if settings.classes else {})


def filter_names(settings: NetworkSettings, prefix: str) -> list[str]:
    """Where the published networks repeat the resampling filter, which is a constant of ours."""
    names = []
    for level in range(len(settings.sizes)):
        side = _side(settings, level)
        if prefix == "G":
            names += [f"synthesis.b{side}.resample_filter", f"synthesis.b{side}.conv1.resample_filter"]
            names += [f"synthesis.b{side}.conv0.resample_filter"] if level else []
        elif level:
            parts = ["conv0.", "conv1.", ""] + (["skip."] if settings.discriminator == "resnet" else [])
            parts += ["fromrgb."] if level == len(settings.sizes) - 1 else []
            names += [f"b{side}.{part}resample_filter" for part in parts]
        else:
            names.append(f"b{side}.conv.resample_filter")
    return names


def infer_settings(weights: dict[str, Tensor], deviation_group: int) -> NetworkSettings:
    """Read the shape of the networks off their weights."""
    try:
        sides = sorted(int(name.split(".")[2][1:]) for name in weights if name.endswith(".torgb.weight"))
        base, top = sides[0], sides[-1]
        features = {side: weights[f"G.synthesis.b{side}.conv1.bias"].shape[0] for side in sides}
        w_dim = weights["G.mapping.w_avg"].shape[0]
        classes = weights["G.mapping.embed.weight"].shape[1] if "G.mapping.embed.weight" in weights else 0
        deviation = weights[f"D.b{base}.conv.weight"].shape[1] > features[base]
        return NetworkSettings(
            width=top,
            height=top,
            channels=weights[f"G.synthesis.b{top}.torgb.weight"].shape[0],
            classes=classes,
            z_dim=weights["G.mapping.fc0.weight"].shape[1] - (w_dim if classes else 0),
            w_dim=w_dim,
            mapping_depth=_depth(weights, "G"),
            label_depth=_depth(weights, "D") if classes else 8,
            # The widest layer is the maximum; where narrower ones follow, any of them gives the base.
            channel_base=max(side * features[side] for side in sides),
            channel_max=max(features.values()),
            discriminator="resnet" if f"D.b{top}.skip.weight" in weights else "orig",
            deviation_group=deviation_group if deviation else 0,
        )
    except (KeyError, IndexError) as error:
        raise WeightsError(
            f"These are no StyleGAN2 networks under the published names ({error} is missing): "
            "give an npz or safetensors file with entries G.* and D.*."
        ) from error


@torch.no_grad()
def measure_class_averages(generator: Generator, samples: int = 2000) -> None:
    """Fill `w_avg_by_class` with the mean w of `samples` fixed latents."""
    z = torch.randn(samples, generator.settings.z_dim, generator=torch.Generator().manual_seed(0))
    for label in range(generator.settings.classes):
        ws = generator.map(z, torch.full((samples,), label))
        generator.w_avg_by_class[label] = ws[:, 0].mean(dim=0)


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    if not path.is_file():
        raise WeightsError(f"{path} is not a file: give an npz or safetensors file of networks.")
    if path.suffix == ".safetensors":
        with safe_open(str(path), "pt") as file:
            return load_file(str(path)), dict(file.metadata() or {})
    if path.suffix != ".npz":
        raise WeightsError(f"{path.name} is neither .npz nor .safetensors: convert it to one of these first.")
    with np.load(path, allow_pickle=False) as file:
        weights = {name: torch.from_numpy(file[name]) for name in file.files if name.startswith(("G.", "D."))}
        return weights, ast.literal_eval(str(file["config"])) if "config" in file.files else {}


def _fill(network: nn.Module, names: dict[str, str], weights: dict[str, Tensor]) -> None:
    state = network.state_dict()
    for ours, theirs in names.items():
        if theirs not in weights or weights[theirs].numel() != state[ours].numel():
            raise WeightsError(f"{theirs} is missing or has another shape than its network: the file is not whole.")
        state[ours] = weights[theirs].reshape(state[ours].shape)
    network.load_state_dict(state)


def _depth(weights: dict[str, Tensor], prefix: str) -> int:
    return sum(name.startswith(f"{prefix}.mapping.fc") and name.endswith(".weight") for name in weights)


def _side(settings: NetworkSettings, level: int) -> int:
    return settings.sizes[level][0]


def _mapping_names(classes: int, depth: int) -> dict[str, str]:
    layers = {f"mapping.layers.{i}": f"mapping.fc{i}" for i in range(depth)}
    if classes:
        layers["mapping.embed"] = "mapping.embed"
    return {f"{ours}.{part}": f"{theirs}.{part}" for ours, theirs in layers.items() for part in ("weight", "bias")}
