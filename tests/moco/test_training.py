"""Training: it learns, it resumes to the same bytes, also after kill -9, and it refuses what cannot work."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from moco import training
from moco.augment import augment
from moco.curve import EpochReport
from moco.encoder import Encoder, load_encoder
from moco.files import read_tensors
from moco.monitor import Monitor, Retrieval
from moco.settings import EncoderSettings
from moco.training import CURVE, ENCODER, SNAPSHOT, learning_rate, train

FILES = (ENCODER, CURVE, SNAPSHOT)


class Stopped(Exception):
    """Raised by a test from inside a training."""


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


def changed(settings: EncoderSettings, **values: object) -> EncoderSettings:
    return EncoderSettings.model_validate(settings.model_dump() | values)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_training_that_stopped_after_n_epochs_goes_on_to_the_same_bytes(
    images: NDArray[np.uint8], settings: EncoderSettings, tmp_path: Path, dtype: str
) -> None:
    settings = changed(settings, dtype=dtype)
    train(images, settings, 0, tmp_path / "unbroken")

    def stop(report: EpochReport) -> None:
        if report.epoch == 2:
            raise Stopped

    with pytest.raises(Stopped):
        train(images, settings, 0, tmp_path / "broken", on_epoch=stop)
    assert not (tmp_path / "broken" / ENCODER).exists()
    reports: list[EpochReport] = []
    train(images, settings, 0, tmp_path / "broken", on_epoch=reports.append)
    assert [report.epoch for report in reports] == [2, 3, 4]  # epoch 2 was reported, but not saved
    assert contents(tmp_path / "broken") == contents(tmp_path / "unbroken")


def test_kill_minus_nine_at_any_moment_loses_nothing(
    images: NDArray[np.uint8], settings: EncoderSettings, tmp_path: Path
) -> None:
    settings = changed(settings, epochs=20, snapshot_steps=1, patience=20)  # it keeps the best epoch, and never stops
    train(images, settings, 0, tmp_path / "unbroken")
    np.save(tmp_path / "images.npy", images)
    broken, snapshot = tmp_path / "broken", tmp_path / "broken" / SNAPSHOT
    command = [sys.executable, "-m", "moco.train", "--images", str(tmp_path / "images.npy"), "--out", str(broken)]
    command += [
        f"--{name}={value}" for name, value in settings.model_dump(exclude={"augmentation"}, exclude_none=True).items()
    ]
    steps = [0]
    for _ in range(2):
        written = snapshot.stat().st_mtime_ns if snapshot.exists() else None
        environment = os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())}
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        while not snapshot.exists() or snapshot.stat().st_mtime_ns == written:
            assert process.poll() is None, "the training ended before it was killed"
            time.sleep(0.001)
        process.kill()
        process.wait()
        steps.append(read_tensors(snapshot)[1]["progress"]["step"])
    assert 0 < steps[1] < steps[2] < 80
    train(images, settings, 0, broken)
    assert contents(broken) == contents(tmp_path / "unbroken")


def test_with_patience_the_best_epochs_encoder_is_written_however_often_it_was_stopped(
    images: NDArray[np.uint8], settings: EncoderSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = changed(settings, epochs=9, patience=3)
    scores = [0.9, 0.1, 0.3, 0.6, 0.5, 0.6, 0.4]
    epochs: dict[float, int] = {}
    seen: dict[int, dict[str, torch.Tensor]] = {}

    def scripted(monitor: Monitor, encoder: Encoder, device: str) -> Retrieval:
        """A training whose third epoch is its best; a function of the encoder alone, as the monitor is."""
        epoch = epochs.setdefault(encoder.stem.weight.sum().item(), len(epochs))
        seen[epoch] = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
        return Retrieval(scores[epoch], scores[epoch], alignment=1, uniformity=-1, knn=None)

    monkeypatch.setattr(Monitor, "measure", scripted)
    train(images, settings, 0, tmp_path / "unbroken")
    assert max(seen) == 6  # epoch 5 is no better than 3, so 6 is the third without improvement
    result = load_encoder(tmp_path / "unbroken" / ENCODER).state_dict()
    assert all(torch.equal(result[name], seen[3][name]) for name in result)
    assert not torch.equal(result["stem.weight"], seen[6]["stem.weight"])

    for epoch in range(7):

        def stop(report: EpochReport, epoch: int = epoch) -> None:
            if report.epoch == epoch:
                raise Stopped

        with pytest.raises(Stopped):
            train(images, settings, 0, tmp_path / "broken", on_epoch=stop)
    train(images, settings, 0, tmp_path / "broken")
    assert contents(tmp_path / "broken") == contents(tmp_path / "unbroken")
    train(images, settings, 0, tmp_path / "broken")
    assert contents(tmp_path / "broken") == contents(tmp_path / "unbroken")


def test_a_finished_training_is_returned_without_another_step(
    images: NDArray[np.uint8], settings: EncoderSettings, tmp_path: Path
) -> None:
    train(images, settings, 0, tmp_path)
    before = contents(tmp_path)
    reports: list[EpochReport] = []
    path = train(images, settings, 0, tmp_path, on_epoch=reports.append)
    assert path == tmp_path / ENCODER
    assert reports == []
    assert contents(tmp_path) == before
    assert load_encoder(path).settings == settings


def test_it_learns_to_find_copies_that_it_could_not_find_before(
    images: NDArray[np.uint8], settings: EncoderSettings, tmp_path: Path
) -> None:
    settings = changed(settings, stem_stride=1, dimensions=16, epochs=20, queue=48, momentum=0.95, learning_rate=0.1)
    reports: list[EpochReport] = []
    train(images, settings, 0, tmp_path, on_epoch=reports.append)
    first, last = reports[0], reports[-1]
    assert first.loss is None
    assert last.loss is not None
    assert last.loss < np.log(settings.queue + 1) - 0.4  # what chance costs
    assert last.low_resolution > first.low_resolution + 0.2
    assert last.uniformity < first.uniformity - 0.5
    lines = [json.loads(line) for line in (tmp_path / CURVE).read_text().splitlines()]
    assert [line["epoch"] for line in lines] == list(range(21))
    assert lines[-1]["low_resolution"] == last.low_resolution


def test_labels_are_measured_by_and_not_learnt_from(
    images: NDArray[np.uint8], settings: EncoderSettings, tmp_path: Path
) -> None:
    settings = changed(settings, epochs=1)
    labels = (images.mean(axis=(2, 3)).argmin(axis=1)).astype(np.int64)  # the colour that an image has least of
    reports: list[EpochReport] = []
    train(images, settings, 0, tmp_path / "with", on_epoch=reports.append, labels=labels)
    train(images, settings, 0, tmp_path / "without", on_epoch=reports.append)
    assert [report.knn is None for report in reports] == [False, False, True, True]
    assert 1 / 3 < (reports[1].knn or 0) <= 1
    assert (tmp_path / "with" / ENCODER).read_bytes() == (tmp_path / "without" / ENCODER).read_bytes()
    for wrong in (labels[:-1], labels.astype(float)):
        with pytest.raises(ValueError, match="give one integer for each, -1 where the class is not known"):
            train(images, settings, 0, tmp_path / "wrong", labels=wrong)


def test_a_folder_with_another_training_is_refused(
    images: NDArray[np.uint8], settings: EncoderSettings, tmp_path: Path
) -> None:
    train(images, changed(settings, epochs=1), 0, tmp_path)
    for arguments in [
        (images, settings, 0),
        (images, changed(settings, epochs=1), 1),
        (images[::-1], changed(settings, epochs=1), 0),
    ]:
        with pytest.raises(ValueError, match=r"another encoder .*: choose another folder, or delete it"):
            train(*arguments, tmp_path)


def test_images_that_do_not_fit_are_refused_before_anything_is_written(
    images: NDArray[np.uint8], settings: EncoderSettings, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"\[N, 3, 16, 16\], not uint8 \[64, 3, 16, 8\]: resize them to 16 pixels"):
        train(images[:, :, :, :8], settings, 0, tmp_path / "folder")
    with pytest.raises(ValueError, match=r"there are only 40 images.*choose a smaller queue"):
        train(images[:40], settings, 0, tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def test_batches_keep_the_random_order_of_the_epoch(
    images: NDArray[np.uint8], settings: EncoderSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images stand in the order of their sets; in batches that were sorted each part of the batch norm had one set."""
    rows: list[int] = []

    def watched(batch: torch.Tensor, *arguments: Any) -> torch.Tensor:
        rows.extend((batch[:, 0, 0, 0] * 255).round().int().tolist())
        return augment(batch, *arguments)

    monkeypatch.setattr(training, "augment", watched)
    images[:, 0, 0, 0] = np.arange(64)
    train(images, changed(settings, epochs=1), 0, tmp_path)
    batches = np.array(rows).reshape(4, 2, 16)  # steps, views
    np.testing.assert_array_equal(batches[:, 0], batches[:, 1])
    assert sorted(batches[:, 0].ravel().tolist()) == list(range(64))
    ahead = np.diff(batches[:, 0], axis=1) > 0
    assert 0.3 < ahead.mean() < 0.7  # sorted ones only go up


def test_a_loss_that_explodes_is_reported_with_the_remedy(
    images: NDArray[np.uint8], settings: EncoderSettings, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"The loss is no number after step [0-9]+: lower learning_rate"):
        train(images, changed(settings, learning_rate=1e20), 0, tmp_path)


def test_the_learning_rate_rises_and_falls_along_a_cosine(settings: EncoderSettings) -> None:
    plain, warm = changed(settings, learning_rate=2.0), changed(settings, learning_rate=2.0, warmup=10)
    assert [learning_rate(step, 100, plain) for step in (0, 50, 100)] == pytest.approx([2, 1, 0])
    assert learning_rate(25, 100, plain) == pytest.approx(1 + 2**-0.5)
    assert learning_rate(4, 100, warm) == pytest.approx(0.5 * learning_rate(4, 100, plain))
    assert learning_rate(60, 100, warm) == learning_rate(60, 100, plain)
