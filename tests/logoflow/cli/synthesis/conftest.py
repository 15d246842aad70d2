"""Small generators of every kind in files, and the command line."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from logoflow.cli.main import main
from stylegan2.checkpoints import save_network
from stylegan2.generator import Generator
from stylegan2.settings import NetworkSettings

KINDS: dict[str, dict[str, Any]] = {
    "clusters": {"classes": 3},
    "free": {"width": 32},
    "rgba": {"classes": 2, "channels": 4},
    "gray": {"channels": 1},
}


class Answer(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str


Logoflow = Callable[..., Answer]


@pytest.fixture(scope="session")
def generators(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A file for each kind; noise is seen, and averages are those of w."""
    folder, found = tmp_path_factory.mktemp("generators"), {}
    for kind, settings in KINDS.items():
        torch.manual_seed(0)
        shape = {"width": 16, "height": 16, "z_dim": 8, "w_dim": 8, "channel_base": 64, "channel_max": 8, **settings}
        generator = Generator(NetworkSettings(**shape)).requires_grad_(False)
        for layer in generator.synthesis.convolutions:
            layer.noise_strength.fill_(0.3)  # type: ignore[union-attr, operator]
        classes = generator.settings.classes
        for label in range(max(1, classes)):
            w = generator.map(torch.randn(200, 8), torch.full((200,), label) if classes else None)[:, 0]
            generator.w_avg += w.mean(dim=0) / max(1, classes)
            if classes:
                generator.w_avg_by_class[label] = w.mean(dim=0)
        found[kind] = folder / f"{kind}.safetensors"
        save_network(found[kind], generator)
    return found


@pytest.fixture
def logoflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Logoflow:
    """Give a command line; there is no store, and outputs go to `tmp_path`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOGOFLOW_STORE", str(tmp_path / "none"))

    def call(*arguments: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["logoflow", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        return Answer(end.value.code or 0, *capsys.readouterr())  # type: ignore[arg-type]

    return call


def record_of(out: Path) -> dict[str, Any]:
    """The record beside an output."""
    record: dict[str, Any] = json.loads(out.with_name(f"{out.name}.json").read_text())
    return record
