"""The stage: the distances are FID and KID in Inception's features, and in no others."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from inception_weights import checkpoint

from evaluation.frechet import frechet_distance
from evaluation.inception import Inception
from evaluation.kernel import kernel_distance
from logoflow.config.load import check_config
from logoflow.config.pipeline import PipelineConfig
from logoflow.config.sections import EvaluateConfig
from logoflow.errors import UserError
from logoflow.report.page import read_page
from logoflow.run import Run
from logoflow.store.manifest import InputRecord, Manifest, Parts, content_digest
from logoflow.store.store import Artifact, record_files
from moco.encoder import load_encoder, save_encoder
from moco.shipped import ENCODER
from stylegan2.checkpoints import save_network
from stylegan2.generator import Generator
from stylegan2.sampling import generate
from stylegan2.settings import NetworkSettings
from tasks.evaluate import evaluate
from tasks.measures import measure, measure_clusters
from tasks.spaces import score_name

PACKAGED, INCEPTION = "efficientnet-lite0", "inception-2015-12-05"
IMAGES = 10


@pytest.fixture
def generator() -> Generator:
    torch.manual_seed(0)
    return Generator(NetworkSettings(width=16, height=16, z_dim=8, w_dim=8, channel_base=64)).eval()


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (8, 3, 16, 16), np.uint8)


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that is taken for the published one."""
    path = tmp_path / "inception.pth"
    torch.save(checkpoint(), path)
    monkeypatch.setattr("evaluation.inception.PUBLISHED_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    return path


def pretend(run: Run, name: str, write: Callable[[Path], None], inputs: dict[str, Artifact] | None = None) -> Artifact:
    """An artifact of a stage that did not run."""
    store = run.workspace().store
    given = {
        stage: InputRecord(stage=stage, fingerprint=made.manifest.fingerprint, content=made.content)
        for stage, made in (inputs or {}).items()
    }
    parts = Parts(stage=name, code="", config={}, libraries={}, inputs={})
    with store.building(name, parts.fingerprint()) as draft:
        write(draft)
        records = record_files(draft, tuple(path.name for path in draft.iterdir() if path.is_file()))
        manifest = Manifest(
            stage=name, fingerprint=parts.fingerprint(), content=content_digest(records), recipe="", parts=parts,
            inputs=given, units=(), files=records, metrics={}, versions={}, host={}, started="2025-01-01", duration_s=0,
        )  # fmt: skip
        return store.commit(draft, manifest)


def test_inceptions_distances_are_called_fid_and_kid(
    make_config: Callable[..., PipelineConfig],
    units_here: None,
    generator: Generator,
    pixels: np.ndarray,
    weights: Path,
    tmp_path: Path,
) -> None:
    config = make_config({"logos": tmp_path})
    given = config.evaluate.model_copy(update={"images": IMAGES, "ladder": 0, "inception": weights, "seed": 5})
    run = Run(config.model_copy(update={"evaluate": given}), tmp_path / "store")

    def write_set(folder: Path) -> None:
        np.save(folder / "pixels.npy", pixels)
        np.save(folder / "labels.npy", np.arange(len(pixels)) % 2)

    trained = pretend(run, "train_gan", lambda folder: save_network(folder / "generator.safetensors", generator))
    state = evaluate.fn(run, pretend(run, "curate", write_set), trained)
    assert isinstance(state.data, Artifact)

    scores = json.loads(state.data.file("metrics.json").read_text())
    assert scores["spaces"] == [PACKAGED, INCEPTION]
    space = Inception(weights)
    real, fake = space.extract(pixels), space.extract(generate(generator, range(5, 5 + IMAGES)))
    assert scores[f"fid_{INCEPTION}"] == pytest.approx(frechet_distance(real, fake), rel=1e-4)
    kid = kernel_distance(real, fake, seed=5)
    assert scores[f"kid_{INCEPTION}"] == pytest.approx(kid.mean, rel=1e-4)
    assert scores[f"kid_deviation_{INCEPTION}"] == pytest.approx(kid.deviation, rel=1e-4)
    assert {f"fid_floor_{INCEPTION}", f"coverage_{INCEPTION}", f"frechet_{PACKAGED}"} <= scores.keys()
    assert not {f"fid_{PACKAGED}", f"kid_{PACKAGED}", f"frechet_{INCEPTION}", f"kernel_{INCEPTION}"} & scores.keys()
    assert state.data.manifest.metrics[f"fid_{INCEPTION}"] == scores[f"fid_{INCEPTION}"]

    titles = {table.title: [row[0] for row in table.rows] for table in read_page(state.data.path).tables}
    assert titles[f"Scores in the features of {INCEPTION}"][:2] == ["FID", "KID"]
    assert titles[f"Scores in the features of {PACKAGED}"][:2] == ["Fréchet distance", "Kernel distance"]
    assert "No metric was tested" in next(table.caption for table in read_page(state.data.path).tables)
    # This generator has no classes: nothing was asked of it, though the training set has clusters.
    assert not any("in_asked" in name for name in scores)
    assert scores["clusters"] == []
    assert "By cluster" not in titles


def test_clusters_are_measured_like_the_whole_and_small_ones_only_counted() -> None:
    random = np.random.default_rng(0)
    config = EvaluateConfig(seed=1)
    labels, asked = np.repeat([0, 3, 5], [60, 70, 9]), np.repeat([0, 3, 5], [40, 30, 20])
    real, fake = (random.standard_normal((len(of), 6)) + 3 * of[:, None] for of in (labels, asked))
    first, second, small = measure_clusters(real, labels, fake, asked, config)
    assert first.items() >= measure(real[:60], fake[:40], config).items()
    assert (first["cluster"], first["real"], first["generated"]) == (0, 60, 40)
    assert second["in_asked_cluster"] == 1.0
    assert small == {"cluster": 5, "real": 9, "generated": 20}


def test_the_encoder_that_made_the_clusters_does_not_judge_them(
    make_config: Callable[..., PipelineConfig], units_here: None, tmp_path: Path
) -> None:
    sources = {"name": "logos", "path": str(tmp_path)}
    values = {"name": "circular", "ingest": {"sources": [sources]}}
    with pytest.raises(UserError, match="which makes the clusters, too, and would judge its own work: give an encoder"):
        check_config(
            {**values, "train_encoder": {"weights": str(ENCODER), "epochs": 0}, "evaluate": {"encoder": str(ENCODER)}}
        )
    other = check_config({**values, "evaluate": {"encoder": str(ENCODER)}})  # of other weights: known when trained
    run = Run(other, tmp_path / "store")

    def write_encoder(folder: Path) -> None:
        encoder = load_encoder(ENCODER)
        encoder.settings = encoder.settings.model_copy(
            update={"epochs": 0}
        )  # what train_encoder writes of given weights
        save_encoder(encoder, folder / "encoder.safetensors")

    def write_set(folder: Path) -> None:
        np.save(folder / "pixels.npy", np.zeros((4, 3, 16, 16), np.uint8))
        np.save(folder / "labels.npy", np.arange(4))

    encoder = pretend(run, "train_encoder", write_encoder)
    embedded = pretend(run, "embed", lambda folder: (folder / "vectors").touch(), {"train_encoder": encoder})
    training_set = pretend(run, "curate", write_set, {"embed": embedded})
    trained = pretend(run, "train_gan", lambda folder: (folder / "generator.safetensors").touch())
    with pytest.raises(UserError, match="the encoder that made the clusters, and would judge its own work"):
        evaluate.fn(run, training_set, trained)


@pytest.mark.parametrize(
    ("metric", "inception"),
    [("frechet_floor", "fid_floor"), ("kernel_deviation", "kid_deviation"), ("in_asked_cluster", "in_asked_cluster")],
)
def test_only_the_distances_are_renamed_and_only_there(metric: str, inception: str) -> None:
    assert score_name(metric, INCEPTION) == f"{inception}_{INCEPTION}"
    assert score_name(metric, "moco-12345678") == f"{metric}_moco-12345678"


@pytest.mark.parametrize(("real", "generated"), [(2000, 300), (2000, 1000), (600, 900)])
def test_a_perfect_generator_reaches_the_floor(real: int, generated: int) -> None:
    random = np.random.default_rng(0)
    config = EvaluateConfig(images=generated, seed=0)
    scores = measure(random.standard_normal((real, 12)), random.standard_normal((generated, 12)), config)
    if generated <= real // 2:
        for name, tolerance in (("coverage", 0.05), ("density", 0.12), ("precision", 0.05), ("recall", 0.05)):
            assert scores[name] == pytest.approx(scores[f"{name}_floor"], abs=tolerance)
        assert scores["frechet"] == pytest.approx(scores["frechet_floor"], rel=0.4)
    else:  # there are no more real ones
        assert scores["frechet_floor"] > scores["frechet"]
        assert scores["coverage"] == pytest.approx(scores["coverage_floor"], abs=0.05)
    assert abs(scores["kernel_floor"]) < 0.03
