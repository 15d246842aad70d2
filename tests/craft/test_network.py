"""The network against a second one in the published layout: its names, separate batch norms, ReLUs in place."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from torch import Tensor, nn

from craft.weights import PACKAGED_SHA256, WeightsError, file_sha256, fold_batch_norms, load_craft, packaged_weights

VGG = (64, 64, "pool", 128, 128, "pool", 256, 256, 256, "pool", 512, 512, 512, "pool", 512, 512)
SLICES = {"slice1": (0, 12), "slice2": (12, 19), "slice3": (19, 29), "slice4": (29, 39)}


class PublishedCraft(nn.Module):
    """Layer for layer what was published: a slice ends after a batch norm, the next one begins with a ReLU in place.

    The ReLU therefore changes the skip that was already handed out; the last slice begins with a pooling and does not.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for entry in VGG:
            if isinstance(entry, int):
                layers += [nn.Conv2d(channels, entry, 3, padding=1), nn.BatchNorm2d(entry), nn.ReLU(inplace=True)]
                channels = entry
            else:
                layers.append(nn.MaxPool2d(2))
        self.basenet = nn.Module()
        for name, (start, end) in SLICES.items():
            part = nn.Sequential()
            for index in range(start, end):
                part.add_module(str(index), layers[index])
            self.basenet.add_module(name, part)
        slice5 = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1),
            nn.Conv2d(512, 1024, 3, padding=6, dilation=6),
            nn.Conv2d(1024, 1024, 1),
        )
        self.basenet.add_module("slice5", slice5)
        for number, (inputs, middle, outputs) in enumerate(
            ((1536, 512, 256), (768, 256, 128), (384, 128, 64), (192, 64, 32)), start=1
        ):
            up = nn.Module()
            up.conv = nn.Sequential(
                nn.Conv2d(inputs, middle, 1), nn.BatchNorm2d(middle), nn.ReLU(),
                nn.Conv2d(middle, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(),
            )  # fmt: skip
            self.add_module(f"upconv{number}", up)
        self.conv_cls = nn.Sequential(
            nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(),
            nn.Conv2d(32, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 1), nn.ReLU(), nn.Conv2d(16, 2, 1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for part in self.basenet.children():
            x = part(x)
            skips.append(x)
        *skips, x = skips
        for number, skip in zip((1, 2, 3, 4), reversed(skips), strict=True):
            if number > 1:
                x = F.interpolate(x, size=skip.shape[2:], mode="bilinear", align_corners=False)
            x = getattr(self, f"upconv{number}").conv(torch.cat([x, skip], dim=1))
        return self.conv_cls(x)


def published_state() -> dict[str, Tensor]:
    state = torch.load(packaged_weights(), map_location="cpu", weights_only=True)
    return {name.removeprefix("module."): value for name, value in state.items()}


def test_score_maps_equal_those_of_the_published_layout(
    logos: list[NDArray[np.uint8]], has_text: NDArray[np.bool_]
) -> None:
    published = PublishedCraft()
    published.load_state_dict(published_state())  # strict: every published tensor has its place
    with_text = [logo for logo, text in zip(logos, has_text, strict=True) if text][:2]
    pixels = np.stack([logo.repeat(2, axis=0)[:192].repeat(2, axis=1) for logo in with_text])  # [2, 192, 256, 3]
    images = torch.from_numpy((pixels / 255 - 0.45) / 0.225).float().permute(0, 3, 1, 2)
    with torch.inference_mode():
        expected = published.eval()(images.clone())
        scores = load_craft().to(memory_format=torch.channels_last)(images)
    assert scores.shape == (2, 2, 96, 128)
    assert (expected.amax(dim=(0, 2, 3)) > 0.9).all()  # there is text, so the maps are far from empty
    assert_allclose(scores.numpy(), expected.numpy(), atol=1e-4)


def test_the_packaged_file_is_the_published_one() -> None:
    assert file_sha256(packaged_weights()) == PACKAGED_SHA256


def test_a_file_given_by_path_loads_like_the_packaged_one(tmp_path: Path) -> None:
    path = tmp_path / "craft_other.pth"
    torch.save(published_state(), path)
    for ours, theirs in zip(load_craft(path).parameters(), load_craft().parameters(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize(("change", "named"), [("missing", "conv_cls.8.bias"), ("extra", "surplus.weight")])
def test_a_state_dict_that_is_not_crafts_is_refused_by_the_name_of_the_tensor(change: str, named: str) -> None:
    state = published_state()
    if change == "missing":
        del state[named]
    else:
        state[named] = torch.zeros(1)
    with pytest.raises(WeightsError, match=named):
        fold_batch_norms(state)


def test_tensors_of_another_shape_and_files_that_are_no_weights_are_refused(tmp_path: Path) -> None:
    state = published_state()
    state["conv_cls.8.weight"] = torch.zeros(3, 16, 1, 1)
    torch.save(state, tmp_path / "shape.pth")
    (tmp_path / "text.pth").write_text("not weights")
    for path in (tmp_path / "shape.pth", tmp_path / "text.pth", tmp_path / "absent.pth"):
        with pytest.raises(WeightsError, match=path.name):
            load_craft(path)
