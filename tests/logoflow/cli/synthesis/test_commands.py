"""Every drawing command on every kind of generator, made again byte for byte; and pictures against the library's."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from logoflow.cli.synthesis.anatomy import DETAIL, most_changed, strength
from stylegan2.checkpoints import load_generator
from stylegan2.mixing import mixed
from stylegan2.sampling import generate, mapped, render
from stylegan2.walks import walk_in_z

from .conftest import KINDS, Logoflow, record_of

COMMANDS = {
    "generate": ("--seeds", "0-2"),
    "grid": ("--seeds", "0-1"),
    "interpolate": ("--seeds", "1,2", "--steps", "2"),
    "mix": ("--rows", "0-1", "--columns", "2", "--layers", "fine"),
    "truncate": ("--seeds", "3", "--steps", "3"),
    "noise": ("--seeds", "3", "--draws", "2"),
    "layers": ("--seeds", "3"),
    "directions": ("--seeds", "3", "--count", "2", "--steps", "3"),
}


def pictures_in(folder: Path) -> list[NDArray[np.uint8]]:
    """The PNGs of a folder, `[H, W]` or `[H, W, C]`."""
    return [np.asarray(Image.open(path)) for path in sorted(folder.glob("*.png"))]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_draws_and_draws_the_same_again(
    command: str, kind: str, generators: dict[str, Path], logoflow: Logoflow, tmp_path: Path
) -> None:
    out = tmp_path / "first.png"
    answer = logoflow(command, *COMMANDS[command], "--generator", generators[kind], "--out", out)
    assert answer.code == 0, answer.err
    with Image.open(out) as sheet:
        assert min(sheet.size) >= 96
        assert len(sheet.convert("RGB").getcolors(1 << 24)) > 50  # type: ignore[arg-type]
    assert record_of(out)["command"] == command
    answer = logoflow("again", "first.png.json", "--out", "second.png", "--save-w", "w.safetensors")
    assert answer.code == 0, answer.err
    assert "The bytes are the same." in answer.out
    assert (tmp_path / "second.png").read_bytes() == out.read_bytes()
    assert (tmp_path / "w.safetensors").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_in_a_folder_are_those_of_the_library_with_their_alpha(
    kind: str, generators: dict[str, Path], logoflow: Logoflow, tmp_path: Path
) -> None:
    options = ("--seeds", "3,5-6", "--generator", generators[kind], "--truncation", "0.5")
    assert logoflow("generate", *options, "--out", "many").code == 0
    generator = load_generator(generators[kind])
    classes = [seed % generator.settings.classes for seed in (3, 5, 6)] if generator.settings.classes else None
    expected = generate(generator, [3, 5, 6], classes, 0.5).transpose(0, 2, 3, 1)
    drawn = pictures_in(tmp_path / "many")
    assert len(drawn) == 3
    assert drawn[0].shape[2] == (4 if kind == "rgba" else 3)
    assert np.array_equal(np.stack(drawn), np.broadcast_to(expected, (*expected.shape[:3], drawn[0].shape[2])))
    again = logoflow("again", "many.json", "--out", "others")
    assert "The bytes are the same." in again.out

    one = ("--seeds", "3", "--generator", generators[kind], "--truncation", "0.5", "--out", "one.png", "--scale", "3")
    assert logoflow("generate", *one).code == 0
    large = np.asarray(Image.open("one.png"))
    assert np.array_equal(large[1::3, 1::3], drawn[0])


def test_a_grid_has_the_seeds_in_each_cluster(generators: dict[str, Path], logoflow: Logoflow, tmp_path: Path) -> None:
    options = ("--seeds", "0-1", "--cluster", "2", "--cluster", "0:3,1:1", "--truncation", "1")
    assert logoflow("grid", *options, "--generator", generators["clusters"], "--out", "grid").code == 0
    generator = load_generator(generators["clusters"])
    weights = torch.tensor([[0, 0, 1], [0, 0, 1], [0.75, 0.25, 0], [0.75, 0.25, 0]])
    expected = generate(generator, [0, 1, 0, 1], weights).transpose(0, 2, 3, 1)
    assert np.array_equal(np.stack(pictures_in(tmp_path / "grid")), expected)
    assert [p.name for p in sorted((tmp_path / "grid").iterdir())][::3] == [
        "0-seed-0-cluster-2.png",
        "3-seed-1-clusters-0-0.75-1-0.25.png",
    ]


def test_a_mix_of_one_cluster_is_the_cluster(generators: dict[str, Path], logoflow: Logoflow, tmp_path: Path) -> None:
    for cluster, out in (("1", "whole"), ("1:0.4", "mix")):
        options = ("--seeds", "4-5", "--cluster", cluster, "--generator", generators["clusters"], "--out", out)
        assert logoflow("generate", *options).code == 0
    for one, other in zip(pictures_in(tmp_path / "whole"), pictures_in(tmp_path / "mix"), strict=True):
        assert np.array_equal(one, other)


def test_mixing_takes_layers_by_name_and_by_index(
    generators: dict[str, Path], logoflow: Logoflow, tmp_path: Path
) -> None:
    for layers, out in (("middle,6", "named"), ("3-4,6", "numbered")):
        options = ("--rows", "0-1", "--columns", "7-9", "--layers", layers, "--generator", generators["free"])
        assert logoflow("mix", *options, "--truncation", "1", "--out", out).code == 0
    generator = load_generator(generators["free"])
    rows, columns = mapped(generator, [0, 1], None), mapped(generator, [7, 8, 9], None)
    table = pictures_in(tmp_path / "named")  # the columns, then each row and its mixtures
    inner = np.stack([*table[4:7], *table[8:11]])
    expected = render(generator, mixed(rows, columns, [3, 4, 6]).flatten(0, 1)).transpose(0, 2, 3, 1)
    assert np.array_equal(inner, expected)
    assert np.array_equal(np.stack([table[3], table[7]]), render(generator, rows).transpose(0, 2, 3, 1))
    assert [p.tobytes() for p in pictures_in(tmp_path / "numbered")] == [p.tobytes() for p in table]


def test_pictures_of_a_way_are_named_by_what_they_lie_between(generators: dict[str, Path], logoflow: Logoflow) -> None:
    options = ("--seeds", "4,5", "--steps", "2", "--loop", "--generator", generators["free"], "--out", "way")
    assert logoflow("interpolate", *options).code == 0
    assert [path.stem for path in sorted(Path("way").iterdir())] == [
        "0-seed-4",
        "1-seed-4-to-seed-5-1-of-2",
        "2-seed-5",
        "3-seed-5-to-seed-4-1-of-2",
    ]


def test_noise_of_no_strength_is_said_and_its_detail_is_the_middle() -> None:
    still, moved = np.zeros((8, 12)), np.zeros((8, 12))
    moved[7, 11] = 30.0
    assert strength(still) == "noise changes nothing"
    assert strength(moved).endswith("30.0 of 255")
    height, width = 8 // DETAIL, 12 // DETAIL
    top, left = (8 - height + 1) // 2, (12 - width + 1) // 2
    assert most_changed(still) == (slice(top, top + height), slice(left, left + width))
    assert most_changed(moved)[0].stop == 8
    assert most_changed(moved)[1].stop == 12


def test_a_way_through_z_is_that_of_the_library(
    generators: dict[str, Path], logoflow: Logoflow, tmp_path: Path
) -> None:
    options = ("--seeds", "1-3", "--cluster", "2", "--space", "z", "--steps", "2", "--loop", "--truncation", "0.6")
    assert logoflow("interpolate", *options, "--generator", generators["clusters"], "--out", "way").code == 0
    generator = load_generator(generators["clusters"])
    ws = walk_in_z(generator, [1, 2, 3], [2, 2, 2], 2, loop=True, truncation=0.6)
    assert np.array_equal(np.stack(pictures_in(tmp_path / "way")), render(generator, ws).transpose(0, 2, 3, 1))


def test_a_sweep_begins_with_the_average_and_passes_the_whole_picture(
    generators: dict[str, Path], logoflow: Logoflow, tmp_path: Path
) -> None:
    options = ("--seeds", "1", "--cluster", "2", "--start", "0", "--end", "1", "--steps", "2")
    generator = load_generator(generators["clusters"])
    for centre, average in (("class", generator.w_avg_by_class[2]), ("global", generator.w_avg)):
        arguments = ("--centre", centre, "--generator", generators["clusters"], "--out", centre)
        assert logoflow("truncate", *options, *arguments).code == 0
        first, last = pictures_in(tmp_path / centre)
        of_average = render(generator, average.expand(1, generator.settings.layers, -1))
        assert np.array_equal(first, of_average[0].transpose(1, 2, 0))
        assert np.array_equal(last, generate(generator, [1], [2])[0].transpose(1, 2, 0))


def test_noise_is_fixed_drawn_or_off_by_layers(generators: dict[str, Path], logoflow: Logoflow, tmp_path: Path) -> None:
    generator = load_generator(generators["free"])
    modes = {
        "none": "none",
        "coarse=none,3=random": ["none"] * 3 + ["random"] + ["const"] * 4,
        "all=random": "random",
    }
    for number, (text, noise) in enumerate(modes.items()):
        options = ("--seeds", "4-5", "--noise", text, "--generator", generators["free"], "--truncation", "1")
        assert logoflow("generate", *options, "--out", f"{number}").code == 0
        expected = generate(generator, [4, 5], None, 1.0, noise)  # type: ignore[arg-type]
        assert np.array_equal(np.stack(pictures_in(tmp_path / f"{number}")), expected.transpose(0, 2, 3, 1))
