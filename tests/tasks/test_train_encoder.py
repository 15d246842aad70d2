"""What shapes an encoder counts in its fingerprint: published weights by their content, wherever they lie."""

from collections.abc import Callable
from pathlib import Path

from logoflow.config.pipeline import PipelineConfig
from logoflow.fingerprint import stage_parts
from logoflow.stages import STAGES
from logoflow.store.memo import Memo
from moco.settings import EncoderSettings
from tasks.settings import settings_of


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
