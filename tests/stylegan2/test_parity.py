"""Our numbers against those of the published implementation."""

from pathlib import Path

import pytest
import torch

from benchmarks.parity import TOLERANCE, compare, main
from stylegan2.nvidia import WeightsError, export, load_networks
from stylegan2.settings import NetworkSettings


@pytest.mark.parametrize("name", ["nets_a", "augment_a"])
def test_every_quantity_agrees_with_the_reference(reference: Path, name: str) -> None:
    errors = dict(compare(reference / f"{name}.npz"))
    assert len(errors) == {"nets_a": 10, "augment_a": 51}[name]
    assert all(error <= TOLERANCE for error in errors.values())


def test_what_is_not_a_number_or_not_known_does_not_pass(
    reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numpy as np

    monkeypatch.setattr("sys.argv", ["parity", str(tmp_path)])
    with np.load(reference / "augment_a.npz") as theirs:
        shown = {name: theirs[name] for name in ("in.x", "xflip@0.5")}
    for wrong, code in (({}, 0), ({"xflip@0.5": shown["xflip@0.5"] * np.nan}, 1), ({"nonsense@0.5": shown["in.x"]}, 1)):
        np.savez(tmp_path / "one.npz", **(shown | wrong))
        assert main() == code
    with np.load(reference / "nets_a.npz") as theirs:
        values = {name: theirs[name] for name in theirs.files}
    others = {
        "out.img_mix2": values["out.img_mix4"],
        "out.w_psi0.7": values["out.w_psi0.5"],
        "out.new": values["out.w"],
    }
    np.savez(tmp_path / "two.npz", **(values | others))
    errors = dict(compare(tmp_path / "two.npz"))
    assert errors["out.img_mix2"] > TOLERANCE
    assert errors["out.w_psi0.7"] > TOLERANCE
    assert np.isnan(errors["out.new"])


def test_export_writes_every_published_name_with_its_value(reference: Path, tmp_path: Path) -> None:
    import numpy as np
    from safetensors.numpy import load_file

    export(*load_networks(reference / "nets_a.npz"), tmp_path / "networks.safetensors")
    written = load_file(tmp_path / "networks.safetensors")
    with np.load(reference / "nets_a.npz") as theirs:
        names = {name for name in theirs.files if name.startswith(("G.", "D."))}
        assert set(written) == names
        assert all(np.array_equal(written[name], theirs[name]) for name in names)


@pytest.mark.parametrize(
    "changes",
    [
        {"classes": 0, "channels": 1},
        {"classes": 7, "channels": 4, "mapping_depth": 8},
        {"discriminator": "orig", "channel_base": 1000},
        {"deviation_group": 0, "width": 64, "height": 64},
    ],
)
def test_what_is_exported_is_read_back(tmp_path: Path, changes: dict[str, int | str]) -> None:
    from stylegan2.discriminator import Discriminator
    from stylegan2.generator import Generator

    sizes = {"width": 32, "height": 32, "channel_base": 128, "channel_max": 8, "z_dim": 6, "w_dim": 8}
    settings = NetworkSettings.model_validate(sizes | changes)
    generator, discriminator = Generator(settings), Discriminator(settings)
    export(generator, discriminator, tmp_path / "networks.safetensors")
    read, judge = load_networks(tmp_path / "networks.safetensors")
    z, labels = torch.randn(4, 6), torch.arange(4) % settings.classes if settings.classes else None
    torch.testing.assert_close(read(z, labels), generator(z, labels), rtol=0, atol=0)
    images = torch.randn(4, settings.channels, settings.height, settings.width)
    torch.testing.assert_close(judge(images, labels), discriminator(images, labels), rtol=0, atol=0)


def test_a_file_of_something_else_is_refused_by_a_sentence(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match=r"no StyleGAN2 networks .* entries G\.\* and D\.\*"):
        load_networks(tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match=r"neither \.npz nor \.safetensors"):
        load_networks(Path(__file__))


@pytest.mark.parametrize(("kept", "suffix"), [(0.5, "npz"), (0.5, "safetensors"), (0.0, "npz")])
def test_a_damaged_file_is_told_in_a_sentence(kept: float, suffix: str, reference: Path, tmp_path: Path) -> None:
    path = tmp_path / f"networks.{suffix}"
    if suffix == "npz":
        path.write_bytes((reference / "nets_a.npz").read_bytes())
    else:
        export(*load_networks(reference / "nets_a.npz"), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(WeightsError, match=r"is damaged, or is no file of networks: fetch it again\."):
        load_networks(path)
    path.write_bytes(b"this is text")
    with pytest.raises(WeightsError, match=r"is damaged, or is no file of networks: fetch it again\."):
        load_networks(path)


def test_what_the_published_names_cannot_say_is_not_exported(tmp_path: Path) -> None:
    from stylegan2.discriminator import Discriminator
    from stylegan2.generator import Generator

    sizes = {"width": 16, "height": 16, "channel_base": 64, "channel_max": 8, "z_dim": 6, "w_dim": 8}
    for changes, what in (({"height": 8}, "16 x 8 pixels"), ({"classes": 3, "transition": True}, "their transition")):
        settings = NetworkSettings.model_validate(sizes | changes)
        with pytest.raises(WeightsError, match=f"published names have none for {what}"):
            export(Generator(settings), Discriminator(settings), tmp_path / "networks.safetensors")
    assert not list(tmp_path.iterdir())
