"""Published weights: the same features as a plain ResNet-50 with them, and refusals of everything else."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from moco.curve import EpochReport
from moco.encoder import create_encoder, embed, load_encoder, save_encoder
from moco.momentum import MomentumContrast
from moco.published import load_published
from moco.settings import EncoderSettings
from moco.snapshot import identity_of
from moco.training import train

Plain = dict[str, Tensor]
SMALL = {"resolution": 32, "batch": 4, "queue": 4, "normalisation_groups": 1}


def plain_features(w: Plain, images: Tensor) -> Tensor:
    """What MoCo v2's ResNet-50 makes of images in 0..1, written out over the published names, in evaluation mode."""

    def convolve(x: Tensor, name: str, bn: str, stride: int = 1, padding: int = 0) -> Tensor:
        x = F.conv2d(x, w[f"{name}.weight"], stride=stride, padding=padding)
        mean, variance, gain, bias = (
            w[f"{bn}.{key}"][:, None, None] for key in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / torch.sqrt(variance + 1e-5) * gain + bias

    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = (images - mean[:, None, None]) / deviation[:, None, None]
    x = F.max_pool2d(convolve(x, "conv1", "bn1", 2, 3).relu(), 3, 2, 1)
    for stage, count in enumerate([3, 4, 6, 3], start=1):
        for block in range(count):
            at, stride = f"layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            y = convolve(x, f"{at}.conv1", f"{at}.bn1").relu()
            y = convolve(y, f"{at}.conv2", f"{at}.bn2", stride, 1).relu()
            y = convolve(y, f"{at}.conv3", f"{at}.bn3")
            x = (y + (convolve(x, f"{at}.downsample.0", f"{at}.downsample.1", stride) if block == 0 else x)).relu()
    x = F.linear(x.mean(dim=(2, 3)), w["fc.0.weight"], w["fc.0.bias"]).relu()
    return F.linear(x, w["fc.2.weight"], w["fc.2.bias"])


def published_shapes(dimensions: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the query encoder of a published checkpoint."""
    shapes: dict[str, tuple[int, ...]] = {}

    def layer(conv: str, bn: str, outputs: int, inputs: int, side: int) -> None:
        shapes[f"{conv}.weight"] = (outputs, inputs, side, side)
        shapes.update({f"{bn}.{key}": (outputs,) for key in ("weight", "bias", "running_mean", "running_var")})
        shapes[f"{bn}.num_batches_tracked"] = ()

    layer("conv1", "bn1", 64, 3, 7)
    inputs = 64
    for stage, (width, count) in enumerate([(64, 3), (128, 4), (256, 6), (512, 3)], start=1):
        for block in range(count):
            at = f"layer{stage}.{block}"
            layer(f"{at}.conv1", f"{at}.bn1", width, inputs, 1)
            layer(f"{at}.conv2", f"{at}.bn2", width, width, 3)
            layer(f"{at}.conv3", f"{at}.bn3", 4 * width, width, 1)
            if block == 0:
                layer(f"{at}.downsample.0", f"{at}.downsample.1", 4 * width, inputs, 1)
            inputs = 4 * width
    return (
        shapes
        | {"fc.0.weight": (2048, 2048), "fc.0.bias": (2048,)}
        | {
            "fc.2.weight": (dimensions, 2048),
            "fc.2.bias": (dimensions,),
        }
    )


def made_up(dimensions: int = 128) -> Plain:
    """Weights of a sensible size for each of these, and running statistics that matter."""
    draw = torch.Generator().manual_seed(0)
    weights: Plain = {}
    for name, shape in published_shapes(dimensions).items():
        if name.endswith("tracked"):
            weights[name] = torch.tensor(7)
        elif name.endswith(("running_var", "weight")) and len(shape) == 1:
            weights[name] = 0.5 + torch.rand(shape, generator=draw)
        else:
            weights[name] = torch.randn(shape, generator=draw) / max(1, int(np.prod(shape[1:]))) ** 0.5
    return weights


def write(weights: Plain, path: Path) -> Path:
    """A checkpoint in the published layout, with the other things that are in one."""
    state = {f"module.encoder_q.{name}": tensor for name, tensor in weights.items()}
    state |= {"module.encoder_k.conv1.weight": torch.zeros(1), "module.queue": torch.zeros(1)}
    torch.save({"epoch": 800, "arch": "resnet50", "state_dict": state, "optimizer": {"state": {}}}, path)
    return path


@pytest.fixture(scope="module")
def weights() -> Plain:
    return made_up()


@pytest.fixture(scope="module")
def checkpoint(weights: Plain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(weights, tmp_path_factory.mktemp("published") / "moco_v2_800ep_pretrain.pth.tar")


def test_features_are_those_of_the_published_network(weights: Plain, checkpoint: Path, tmp_path: Path) -> None:
    settings = EncoderSettings.model_validate({**SMALL, "weights": checkpoint})
    model = MomentumContrast(settings, seed=0)
    images = np.random.default_rng(0).integers(0, 256, (4, 3, 32, 32), dtype=np.uint8)
    expected = plain_features(weights, torch.from_numpy(images) / 255)
    with torch.inference_mode():
        results = [encoder.eval()(torch.from_numpy(images) / 255) for encoder in (model.query, model.key)]
    spread = expected.std(dim=0).mean().item()  # how much the features tell the images apart
    for result in results:
        assert (result - expected).abs().max() < 1e-4 * spread
    # The file carries what the pixels have to be scaled by, and not the path.
    save_encoder(model.query, tmp_path / "encoder.safetensors")
    loaded = load_encoder(tmp_path / "encoder.safetensors")
    assert (loaded.settings.pixels, loaded.settings.weights) == ("imagenet", None)
    assert np.allclose(embed(loaded, images), F.normalize(expected).numpy(), atol=1e-4)


def test_a_head_of_another_length_is_left_out_and_the_rest_taken(weights: Plain, checkpoint: Path) -> None:
    settings = EncoderSettings.model_validate({**SMALL, "weights": checkpoint, "dimensions": 16})
    encoder, fresh = create_encoder(settings, seed=0), create_encoder(settings, seed=0)
    load_published(encoder, checkpoint)
    assert torch.equal(encoder.stem.weight, weights["conv1.weight"])
    assert torch.equal(encoder.blocks[15].norm3.running_var, weights["layer4.2.bn3.running_var"])
    for name in ("0.weight", "0.bias", "2.weight", "2.bias"):
        assert torch.equal(encoder.head.get_parameter(name), fresh.head.get_parameter(name))


class Malicious:
    """An object whose unpickling would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"layer1.0.conv1.weight": None},
            r"lacks 1 tensors, such as module\.encoder_q\.layer1\.0\.conv1\.weight: choose",
        ),
        (
            {"fc.0.weight": None, "fc.2.weight": None},
            r"lacks 2 tensors, such as module\.encoder_q\.fc\.0\.weight: choose",
        ),
        ({"layer3.6.conv1.weight": (1,)}, r"holds module\.encoder_q\.layer3\.6\.conv1\.weight, which the network"),
        ({"conv1.weight": (64, 3, 3, 3)}, r"conv1\.weight as \[64, 3, 3, 3\], not \[64, 3, 7, 7\]: choose a MoCo v2"),
        ({"fc.2.weight": (128, 512)}, r"fc\.2\.weight as \[128, 512\], not \[128, 2048\]"),
        ({"fc.2.bias": (64,)}, r"fc\.2\.weight as \[128, 2048\], not \[64, 2048\]"),
    ],
)
def test_another_network_is_refused_in_one_sentence(
    tmp_path: Path, change: dict[str, tuple[int, ...] | None], message: str
) -> None:
    shapes = {**published_shapes(128), **change}
    # An expanded tensor is written as its one number.
    path = write({n: torch.zeros(()).expand(s) for n, s in shapes.items() if s is not None}, tmp_path / "other.pth.tar")
    encoder = create_encoder(EncoderSettings.model_validate({**SMALL, "weights": path}), seed=0)
    with pytest.raises(ValueError, match=message):
        load_published(encoder, path)


def test_files_that_are_no_checkpoint_are_refused_and_their_code_is_not_run(tmp_path: Path) -> None:
    settings = EncoderSettings(weights=tmp_path)
    network = create_encoder(settings, seed=0)
    (tmp_path / "text").write_text("hello")
    torch.save({"state_dict": Malicious(tmp_path / "made")}, tmp_path / "malicious")
    torch.save([1, 2], tmp_path / "list")
    for name, message in {
        "text": "nothing but weights",
        "malicious": "nothing but weights",
        "list": "holds no state_dict",
        "missing": "there is no such file",
    }.items():
        with pytest.raises(ValueError, match=message):
            load_published(network, tmp_path / name)
    assert not (tmp_path / "made").exists()


def test_weights_decide_the_network_and_contradictions_are_refused(tmp_path: Path) -> None:
    settings = EncoderSettings(weights=tmp_path, epochs=0)
    assert (settings.network, settings.width, settings.stem_stride, settings.pixels) == ("resnet50", 64, 4, "imagenet")
    for name, value in {"network": "resnet18", "width": 32, "stem_stride": 2, "pixels": "centred"}.items():
        with pytest.raises(ValueError, match=f"{name} is {value}, but these weights are for"):
            EncoderSettings.model_validate({"weights": tmp_path, name: value})


def test_without_epochs_the_published_encoder_is_kept_and_another_checkpoint_is_another_training(
    weights: Plain, tmp_path: Path
) -> None:
    path = write(weights, tmp_path / "weights.pth.tar")
    settings = EncoderSettings.model_validate({**SMALL, "weights": path, "epochs": 0})
    images = np.random.default_rng(0).integers(0, 256, (8, 3, 32, 32), dtype=np.uint8)
    reports: list[EpochReport] = []
    encoder = load_encoder(train(images, settings, 0, tmp_path / "out", on_epoch=reports.append))
    assert [(report.epoch, report.loss) for report in reports] == [(0, None)]
    assert torch.equal(encoder.stem.weight, weights["conv1.weight"])
    before = identity_of(images, settings, 0)
    moved = path.rename(tmp_path / "moved.pth.tar")
    elsewhere = EncoderSettings.model_validate({**SMALL, "weights": moved, "epochs": 0})
    assert identity_of(images, elsewhere, 0) == before
    write({**weights, "fc.2.bias": torch.zeros(128)}, moved)
    assert identity_of(images, elsewhere, 0) != before


def test_an_encoder_of_ours_is_kept_as_it_is_or_trained_on(settings: EncoderSettings, tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (64, 3, 16, 16), dtype=np.uint8)
    first = train(images, settings, 0, tmp_path / "first")
    kept = EncoderSettings(weights=first, epochs=0, batch=16, queue=32)
    assert (kept.width, kept.resolution, kept.dimensions) == (4, 16, 8)
    again = load_encoder(train(images, kept, 1, tmp_path / "kept"))
    for name, value in load_encoder(first).state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name
    on = load_encoder(train(images, kept.model_copy(update={"epochs": 1}), 1, tmp_path / "on"))
    assert not torch.equal(on.stem.weight, again.stem.weight)
    with pytest.raises(ValueError, match=r"resolution is 32, but these weights are for 16: leave out resolution"):
        EncoderSettings(weights=first, resolution=32)


@pytest.mark.parametrize("content", [None, b"", b"\xff" * 64, b"\x02" + bytes(7) + b"[]", b"\x02" + bytes(7) + b"{}"])
def test_weights_that_are_no_encoder_are_refused(content: bytes | None, tmp_path: Path) -> None:
    weights = tmp_path / "weights.safetensors"
    if content is not None:
        weights.write_bytes(content)
    with pytest.raises(ValueError, match="which is no encoder: name one that train_encoder wrote"):
        EncoderSettings(weights=weights)
