"""Films, saved w, records, and what cannot be done in one sentence."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import stylegan2.shipped
from logoflow.cli.synthesis.writing import write_mp4
from stylegan2.checkpoints import load_generator
from stylegan2.sampling import generate, mapped, render
from stylegan2.saved import load_w

from .conftest import Logoflow, record_of
from .test_commands import pictures_in


@pytest.mark.parametrize("suffix", ["gif", "webp"])
@pytest.mark.parametrize("kind", ["free", "rgba"])
def test_a_film_has_its_frames(
    suffix: str, kind: str, generators: dict[str, Path], logoflow: Logoflow, tmp_path: Path
) -> None:
    out = tmp_path / f"film.{suffix}"
    options = ("--seeds", "1-3", "--steps", "4", "--loop", "--generator", generators[kind], "--fps", "10")
    assert logoflow("interpolate", *options, "--out", out).code == 0
    with Image.open(out) as film:
        assert film.n_frames == 12
        assert film.info["loop"] == 0
        assert film.size == ((256, 128) if kind == "free" else (256, 256))
        film.load()
        assert film.info["duration"] == 100
        alpha = np.asarray(film.convert("RGBA"))[..., 3]
        assert (alpha.min() < 255) == (suffix == "webp" and kind == "rgba")
    assert logoflow("again", f"{out}.json", "--out", tmp_path / f"again.{suffix}").code == 0
    assert (tmp_path / f"again.{suffix}").read_bytes() == out.read_bytes()


def test_no_frame_of_a_gif_is_too_short_for_browsers(generators: dict[str, Path], logoflow: Logoflow) -> None:
    way = ("--seeds", "1,2", "--steps", "3", "--generator", generators["clusters"])
    assert logoflow("interpolate", *way, "--fps", "90", "--out", "fast.gif").code == 0
    with Image.open("fast.gif") as film:
        film.load()
        assert film.info["duration"] == 20


def test_an_mp4_has_its_frames_and_the_same_bytes_again(
    generators: dict[str, Path], logoflow: Logoflow, tmp_path: Path
) -> None:
    av = pytest.importorskip("av")
    options = ("--seeds", "1-2", "--start", "-1", "--generator", generators["clusters"], "--steps", "9", "--scale", "3")
    assert logoflow("truncate", *options, "--out", "film.mp4").code == 0
    with av.open("film.mp4") as file:
        frames = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
    assert len(frames) == 9
    assert all(side % 2 == 0 for side in frames[0].shape[:2])
    assert np.abs(frames[0].astype(int) - frames[-1]).mean() > 1
    assert "The bytes are the same." in logoflow("again", "film.mp4.json", "--out", "again.mp4").out
    assert Path("again.mp4").read_bytes() == Path("film.mp4").read_bytes()


def test_an_mp4_does_not_depend_on_what_lay_in_memory(tmp_path: Path) -> None:
    pytest.importorskip("av")
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 200, 96)[:, None, None] + np.linspace(0, 50, 96)[:, None]
    frames = [(ramp * (1 + k / 40) + rng.integers(0, 30, (96, 96, 3))).astype(np.uint8) for k in range(9)]
    films, held = set(), []
    for _ in range(30):
        held = [*held[-20:], np.full(rng.integers(1, 200_000), rng.integers(256), np.uint8)]
        np.full(rng.integers(1, 400_000), rng.integers(256), np.uint8)  # freed at once: the encoder is given its place
        write_mp4(frames, tmp_path / "film.mp4", 10)
        films.add((tmp_path / "film.mp4").read_bytes())
    assert len(films) == 1


def test_without_av_an_mp4_is_refused_before_anything_is_drawn(
    generators: dict[str, Path], logoflow: Logoflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    answer = logoflow("interpolate", "--generator", generators["free"], "--out", "film.mp4")
    assert answer.code == 2
    assert "needs the extra video" in answer.err
    assert not Path("film.mp4").exists()


def test_saved_w_and_earlier_outputs_are_taken_up(
    generators: dict[str, Path], logoflow: Logoflow, tmp_path: Path
) -> None:
    name = ("--generator", generators["clusters"])
    made = ("--seeds", "3-5", "--cluster", "2", "--truncation", "0.5", "--noise", "random")
    assert logoflow("generate", *made, *name, "--out", "first", "--save-w", "w.safetensors").code == 0
    generator = load_generator(generators["clusters"])
    ws = mapped(generator, [3, 4, 5], [2, 2, 2], 0.5)
    loaded, weights = load_w(tmp_path / "w.safetensors", generator.settings)
    assert np.array_equal(loaded.numpy(), ws.numpy())
    assert weights is not None
    assert weights.tolist() == [[0, 0, 1]] * 3

    plain = render(generator, ws).transpose(0, 2, 3, 1)
    np.save("w.npy", ws.numpy())
    for file in ("w.safetensors", "w.npy"):
        assert logoflow("generate", "--w", f"{file}@2,0", *name, "--out", file.replace(".", "-")).code == 0
        drawn = np.stack(pictures_in(tmp_path / file.replace(".", "-")))
        assert np.array_equal(drawn, plain[[2, 0]])
    Path("elsewhere").mkdir()
    Path("first.json").rename("elsewhere/first.json")
    again = ("--w", "elsewhere/first.json@1", "--noise", "random", "--out", "taken")
    assert logoflow("generate", *again, *name).code == 0
    assert np.array_equal(pictures_in(tmp_path / "taken")[0], pictures_in(tmp_path / "first")[1])
    half = ("--w", "w.safetensors@0", "--truncation", "0", "--out", "average")
    assert logoflow("generate", *half, *name).code == 0
    average = generate(generator, [1], [2], 0.0)[0].transpose(1, 2, 0)
    assert np.array_equal(pictures_in(tmp_path / "average")[0], average)

    both = ("--w", "elsewhere/first.json@0", "--seeds", "7", "--steps", "1", "--out", "way")
    assert logoflow("interpolate", *both, *name).code == 0
    assert np.array_equal(pictures_in(tmp_path / "way")[0], plain[0])
    assert (
        logoflow(
            "mix", "--rows", "w.safetensors@0-1", "--columns", "elsewhere/first.json", *name, "--out", "m.png"
        ).code
        == 0
    )
    sources = {str(tmp_path / name) for name in ("w.safetensors", "elsewhere/first.json")}
    assert set(record_of(tmp_path / "m.png")["sources"]) == sources
    Path("elsewhere").rename("work@home")
    assert logoflow("generate", "--w", "work@home/first.json@0", "--out", "n.png", *name).code == 0


def test_an_output_is_made_again_from_any_folder(
    generators: dict[str, Path], logoflow: Logoflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = ("--generator", generators["clusters"])
    assert logoflow("generate", "--seeds", "1-2", "--out", "a.png", *name).code == 0
    assert logoflow("generate", "--w", "a.png.json@1", "--out", "b.png", *name).code == 0
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert "The bytes are the same." in logoflow("again", "../b.png.json").out


def test_again_knows_the_generator_by_what_it_was_known_by(
    generators: dict[str, Path], logoflow: Logoflow, tmp_path: Path
) -> None:
    assert logoflow("generate", "--seeds", "1", "--out", "a.png", "--generator", generators["free"]).code == 0
    record = record_of(tmp_path / "a.png")
    record["generator"]["origin"] = "run 2026-11-01"
    Path("a.png.json").write_text(json.dumps(record))
    answer = logoflow("again", "a.png.json", "--out", "b.png")
    assert answer.code == 0, answer.err
    assert record_of(tmp_path / "b.png")["generator"]["origin"] == "run 2026-11-01"


def test_a_record_that_no_longer_holds_is_refused(
    generators: dict[str, Path], logoflow: Logoflow, tmp_path: Path
) -> None:
    mine = tmp_path / "mine.safetensors"
    mine.write_bytes(generators["free"].read_bytes())
    name = ("--generator", mine)
    assert logoflow("generate", "--seeds", "1", *name, "--out", "a.png", "--save-w", "w.safetensors").code == 0
    assert logoflow("generate", "--w", "w.safetensors", *name, "--out", "b.png").code == 0
    sha256 = record_of(tmp_path / "a.png")["generator"]["sha256"]

    mine.rename(tmp_path / "moved.safetensors")
    answer = logoflow("again", "a.png.json")
    assert answer.code == 2
    assert f"needs the generator whose sha256 begins {sha256[:12]}" in answer.err
    assert "The bytes are the same." in logoflow("again", "a.png.json", "--generator", "moved.safetensors").out
    other = ("--generator", generators["gray"])
    assert logoflow("again", "a.png.json", *other).code == 2
    assert "was made by another generator" in logoflow("generate", "--w", "a.png.json", *other).err
    Path("w.safetensors").write_bytes(b"other")
    assert "which is gone or has changed" in logoflow("again", "b.png.json", "--generator", "moved.safetensors").err
    Path("no.json").write_text("{}")
    assert "says of no output how it was made" in logoflow("again", "no.json").err


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("generate --seeds 3-1", "'3-1' is no list of numbers"),
        ("generate --seeds 0-99999999", "is no list of numbers"),
        ("generate --cluster 3", "this generator has clusters 0 to 2"),
        ("generate --cluster 1:x", "is no mix of clusters"),
        ("generate --cluster 1:inf", "is no mix of clusters"),
        ("generate --cluster 1:1,1:2", "is no mix of clusters"),
        ("generate --w first.png.json --cluster 1", "has clusters of its own: leave --cluster out"),
        ("generate --w first.png.json --out first.png", "would be written over it: name another --out"),
        ("generate --out .", "which nothing can be written to: name a folder or a file"),
        ("generate --seeds 1 --out taken.png", "taken.png.json cannot be written (Is a directory)"),
        ("truncate --truncation 0.3", "leave --truncation out, and give --start and --end"),
        ("generate --cluster 0:0", "this generator has clusters 0 to 2"),
        ("generate --truncation 9", "--truncation is 9.0, but it should be less than or equal to 3"),
        ("generate --truncated-layers 7", "this generator has 6 layers: --truncated-layers cannot be 7"),
        ("generate --w first.png.json@", "'' is no list of numbers"),
        ("generate --noise loud", "write const, random, none"),
        ("generate --noise fine=loud", "write const, random, none"),
        ("generate --seeds 0-99999999999999999999", "is no list of numbers"),
        ("generate --out there", "which is a file: name another"),
        ("generate --out a.jpg", "ends in .png, .webp, .gif or .mp4"),
        ("generate --out no/a.png", "has no folder to lie in"),
        ("generate --save-w w.npy", "ends in .safetensors"),
        ("generate --w none.npy", "cannot be read as saved w"),
        ("generate --w none.json", "says of no output how it was made"),
        ("interpolate --seeds 1", "name two seeds or more"),
        ("mix --layers 3-6", "coarse (0), middle (1-2), fine (3-5)"),
        ("mix --layers sharp", "'sharp' is no list of numbers"),
        ("directions --count 9", "at most 8 directions"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(
    command: str, sentence: str, generators: dict[str, Path], logoflow: Logoflow
) -> None:
    Path("there").touch()
    Path("taken.png.json").mkdir()
    if "first.png" in command:
        assert (
            logoflow("generate", "--seeds", "1", "--out", "first.png", "--generator", generators["clusters"]).code == 0
        )
    answer = logoflow(*command.split(), "--generator", generators["clusters"])
    assert answer.code == 2
    assert sentence in answer.err
    assert answer.err.count("\n") == 1


def test_clusters_are_refused_where_there_are_none(generators: dict[str, Path], logoflow: Logoflow) -> None:
    for command in ("generate", "grid", "interpolate"):
        answer = logoflow(command, "--cluster", "0", "--generator", generators["free"])
        assert "this generator has no clusters: leave --cluster out" in answer.err
    taken = ("--seeds", "1-2", "--out", "w", "--save-w", "w.safetensors")
    assert logoflow("generate", *taken, "--generator", generators["free"]).code == 0
    answer = logoflow("interpolate", "--w", "w.safetensors", "--space", "z", "--generator", generators["free"])
    assert "saved w have no z to go through" in answer.err
    assert (
        "use the generator that it was made with"
        in logoflow("generate", "--w", "w.safetensors", "--generator", generators["clusters"]).err
    )


def test_where_no_generator_ships_one_has_to_be_named(
    logoflow: Logoflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stylegan2.shipped, "GENERATOR", tmp_path / "none.safetensors")
    answer = logoflow("generate")
    assert answer.code == 2
    assert "the generator that ships is not in this copy: name another with --generator" in answer.err
    assert "20250101 is no file, and" in logoflow("generate", "--generator", "20250101").err
