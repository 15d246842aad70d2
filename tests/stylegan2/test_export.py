"""Exported files against the generator that they were made of, run by onnxruntime and by torch.export."""

import copy
import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from stylegan2.checkpoints import save_network
from stylegan2.export import NOTE, export
from stylegan2.generator import Generator
from stylegan2.settings import NetworkSettings

SHARED = {"z_dim": 8, "w_dim": 8, "channel_base": 64, "channel_max": 8, "label_depth": 1}
KINDS: dict[str, dict[str, int]] = {
    "classes": {"width": 8, "height": 8, "classes": 3},
    "gray": {"width": 8, "height": 8, "channels": 1, "mapping_depth": 3},
    "rgba": {"width": 12, "height": 6, "channels": 4, "classes": 2},
}
FIXED = {"rgba": 0.6}  # truncation; an input for the others


@dataclass(frozen=True)
class Exported:
    """A generator, its file, and the files made of it."""

    generator: Generator
    weights: Path
    onnx: Path
    program: Path


@pytest.fixture(scope="module", params=KINDS)
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Generators with classes, without, and with alpha, whose noise is strong and averages are not zero."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp(request.param)
    generator = Generator(NetworkSettings(**SHARED, **KINDS[request.param])).eval().requires_grad_(False)
    generator.w_avg.normal_()
    generator.w_avg_by_class.normal_()
    for layer in generator.synthesis.convolutions:
        layer.noise_strength.fill_(0.3)  # type: ignore[union-attr, operator]
    made = Exported(generator, folder / "weights.safetensors", folder / "out.onnx", folder / "out.pt2")
    save_network(made.weights, generator)
    for out in (made.onnx, made.program):
        export(made.weights, out, FIXED.get(request.param))
    return made


def case(exported: Exported, count: int, psi: float) -> tuple[dict[str, torch.Tensor], NDArray[np.float64]]:
    """Inputs for so many pictures, and what the generator itself draws from them in float64.

    The pictures are 0 to 255, neither rounded nor clipped, `[N, H, W, C]`.
    """
    settings = exported.generator.settings
    inputs = {"z": torch.randn(count, settings.z_dim, generator=torch.Generator().manual_seed(count))}
    if settings.classes:
        inputs["labels"] = torch.arange(count) % settings.classes
    if settings.channels == 4:
        psi = FIXED["rgba"]
    else:
        inputs["psi"] = torch.tensor(psi)
    twice = copy.deepcopy(exported.generator).double()
    labels = inputs.get("labels")
    with torch.no_grad():
        ws = twice.truncate(twice.map(inputs["z"].double(), labels), psi, labels)
        pictures = twice.synthesis(ws).permute(0, 2, 3, 1).numpy()
    return inputs, np.asarray((pictures + 1) * 127.5)


def as_levels(values: NDArray[np.float64]) -> NDArray[np.int64]:
    return values.round().clip(0, 255).astype(int)


def with_floats(path: Path) -> bytes:
    """The model with one more output: what it rounds, `[N, C, H, W]`."""
    model = onnx.load(path)
    (rounded,) = [node for node in model.graph.node if node.op_type == "Round"]
    model.graph.output.append(onnx.helper.make_tensor_value_info(rounded.input[0], onnx.TensorProto.FLOAT, None))
    return bytes(model.SerializeToString())


def test_onnxruntime_draws_what_the_generator_draws(exported: Exported) -> None:
    session = onnxruntime.InferenceSession(with_floats(exported.onnx))
    inputs_asked = {given.name for given in session.get_inputs()}
    for count, psi in ((1, 1.0), (2, 0.7), (5, 0.3), (33, 0.0)):
        inputs, expected = case(exported, count, psi)
        assert inputs_asked == set(inputs)
        images, floats = session.run(None, {name: tensor.numpy() for name, tensor in inputs.items()})
        assert images.dtype == np.uint8
        assert images.shape == expected.shape
        assert np.abs(images.astype(int) - as_levels(expected)).max() <= 1
        assert np.abs(floats.transpose(0, 2, 3, 1) - expected).max() / 127.5 <= 1e-4
        assert as_levels(expected).std() > 10, "there is something to see"


def test_a_loaded_program_draws_what_the_generator_draws(exported: Exported) -> None:
    program = torch.export.load(exported.program).module()
    for count, psi in ((1, 1.0), (4, 0.5), (33, 0.0)):
        inputs, expected = case(exported, count, psi)
        images = program(**inputs).numpy()
        assert images.dtype == np.uint8
        assert np.abs(images.astype(int) - as_levels(expected)).max() <= 1


def test_both_files_tell_what_they_are_and_nothing_of_this_machine(exported: Exported) -> None:
    of_onnx: Any = onnxruntime.InferenceSession(exported.onnx).get_modelmeta().custom_metadata_map
    extra = {NOTE: ""}
    torch.export.load(exported.program, extra_files=extra)
    here = str(Path(export.__code__.co_filename).parent).encode()
    for told, file in ((of_onnx, exported.onnx), (json.loads(extra[NOTE]), exported.program)):
        assert NetworkSettings.model_validate_json(told["settings"]) == exported.generator.settings
        assert told["weights_sha256"] == sha256(exported.weights.read_bytes()).hexdigest()
        assert "licence" in told["licence"]
        assert told["truncation"] == ("0.6" if exported.generator.settings.channels == 4 else "input psi")
        assert here not in file.read_bytes()


def test_another_ending_and_other_files_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.onnx nor \.pt2"):
        export(tmp_path / "weights.safetensors", tmp_path / "out.pkl")
    (tmp_path / "weights.safetensors").write_bytes(b"pickle")
    with pytest.raises(ValueError, match="no safetensors"):
        export(tmp_path / "weights.safetensors", tmp_path / "out.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["weights.safetensors"]
