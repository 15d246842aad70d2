"""`logoflow export`, and the snippet of docs/export.md run on what it writes."""

import re
from pathlib import Path

import pytest
from command_line import logoflow
from PIL import Image

from stylegan2.checkpoints import save_network
from stylegan2.generator import Generator
from stylegan2.settings import NetworkSettings

DOCS = Path(__file__).resolve().parents[3] / "docs" / "export.md"
SETTINGS = NetworkSettings(width=8, height=8, classes=10, z_dim=512, w_dim=8, channel_base=64, channel_max=8)


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    save_network(tmp_path / "weights.safetensors", Generator(SETTINGS))
    return tmp_path / "weights.safetensors"


def test_the_snippet_of_the_docs_draws_a_picture_for_each_latent(
    weights: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert logoflow(monkeypatch, "export", "--out", "logos.onnx", "--generator", weights) == 0
    (snippet,) = re.findall(r"```python\n(# onnxruntime.*?)```", DOCS.read_text(), re.DOTALL)
    exec(compile(snippet, str(DOCS), "exec"), {})
    pictures = sorted(tmp_path.glob("logo-*.png"))
    assert len(pictures) == 8
    sizes = {Image.open(path).size for path in pictures}
    assert sizes == {(8, 8)}


@pytest.mark.parametrize(
    ("out", "told"), [("logos.tf", "ends in neither .onnx nor .pt2"), ("none/logos.onnx", "there is no such folder")]
)
def test_a_file_that_cannot_be_written_is_refused_in_a_sentence(
    weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], out: str, told: str
) -> None:
    assert logoflow(monkeypatch, "export", "--out", out, "--generator", weights) == 2
    assert told in capsys.readouterr().err
