"""The stage: weights count by their content, classes come from the sources, and the page says what was kept."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from logoflow.config.pipeline import PipelineConfig
from logoflow.errors import UserError
from logoflow.fingerprint import stage_parts
from logoflow.stages import STAGES
from logoflow.store.memo import Memo
from moco.curve import Line
from moco.settings import EncoderSettings
from tasks.settings import settings_of
from tasks.train_encoder import classes, curves_page


def test_weights_count_by_their_content_and_reach_the_training(
    make_config: Callable[..., PipelineConfig], tmp_path: Path
) -> None:
    memo = Memo(tmp_path / "memo.sqlite")
    section = make_config({"a": tmp_path}).train_encoder

    def fingerprint(name: str, content: str) -> str:
        (tmp_path / name).write_text(content)
        given = type(section).model_validate({"weights": tmp_path / name, "seed": 0})
        assert settings_of(EncoderSettings, given).weights == tmp_path / name
        assert given.network == "resnet50"
        return stage_parts(STAGES["train_encoder"], given, {}, memo).fingerprint()

    one = fingerprint("one.pth.tar", "one")
    assert fingerprint("copy.pth.tar", "one") == one
    assert fingerprint("other.pth.tar", "other") != one


def test_classes_are_in_the_order_of_the_logos_and_a_name_that_none_has_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    labels = {"a": {"shape": 3}, "b": {}, "c": {"shape": 0, "colour": 1}}
    rows = [SimpleNamespace(id=i, labels=own) for i, own in labels.items()]
    monkeypatch.setattr("tasks.train_encoder.read_table", lambda table: rows)
    assert classes(None, ["c", "a", "b"], "shape").tolist() == [0, 3, -1]
    with pytest.raises(
        UserError, match=r"labels is size, but no logo has .* \(there are: colour, shape\): choose another"
    ):
        classes(None, ["a", "b", "c"], "size")


def line(epoch: int, low: float, **values: float | None) -> Line:
    pixels = {"pixels_low_resolution": 0.1, "pixels_reframed": 0.1}
    unknown = {"knn": None, "loss": None}
    return {"epoch": epoch, "epochs": 9, "low_resolution": low, "reframed": low, **pixels, **unknown, **values}


def test_the_page_tells_of_the_epoch_that_was_kept_and_draws_only_what_was_measured() -> None:
    curve = [line(0, 0.2), line(1, 0.8, loss=1.0), line(2, 0.7, loss=0.9)]
    page = curves_page(50, curve, curve[1])
    assert page.summary == (
        "Trained on 50 logos for 1 of 9 epochs; 80.0% of low-resolution copies find their original "
        "(raw pixels: 10.0%, before training: 20.0%)."
    )
    assert [shown.title for shown in page.curves] == [
        "Share of copies whose nearest logo is their original",
        "Contrastive loss",
    ]
    assert page.curves[1].series[0].x == (1, 2)
    labelled = [line(epoch, 0.5, knn=epoch / 4) for epoch in range(3)]
    assert [series.y for series in curves_page(50, labelled, labelled[2]).curves[1].series] == [(0, 0.25, 0.5)]
