"""A configuration loads, or one sentence says what is wrong with which key and what to do."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from logoflow.config.load import check_config, load_config
from logoflow.config.pipeline import PipelineConfig
from logoflow.errors import UserError
from logoflow.stages import STAGES
from stylegan2.settings import MAX_BASE, NetworkSettings

CONFIGS = sorted(Path(__file__).parents[3].joinpath("configs").glob("*.yaml"))


@pytest.fixture
def write(tmp_path: Path, values: dict[str, Any]) -> Path:
    """The YAML file of the small configuration."""
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_each_configuration_of_the_project_loads_and_survives_a_round_trip(path: Path) -> None:
    config = load_config(path)
    assert config.name
    assert check_config(json.loads(config.model_dump_json())) == config


def test_the_project_has_the_demo_and_the_study() -> None:
    assert {"demo", "article"} <= {path.stem for path in CONFIGS}
    article = load_config(next(path for path in CONFIGS if path.stem == "article"))
    assert (article.cluster.k, article.curate.resolution) == (10, 128)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"ingest": {"sources": [{"name": "a", "path": "b"}], "min_side": 500, "max_side": 100}},
            "ingest: min_side is 500, but must lie between 1 and max_side (100): change either.",
        ),
        (
            {"ingest": {"sources": [{"name": "a", "path": "b"}], "max_pixels": 200_000_000}},
            "ingest: max_pixels is 200000000, but must lie between min_side squared and 100000000: choose one there.",
        ),
        (
            {"cluster": {"restart": 3}},
            "cluster.restart is not a key of the configuration: did you mean restarts?",
        ),
        (
            {"clusters": {"k": 3}},
            "clusters is not a key of the configuration: did you mean cluster?",
        ),
        (
            {"train_gan": {"augment": {"tarjet": 0.5}}},
            "train_gan.augment.tarjet is not a key of the configuration: did you mean target?",
        ),
        (
            {"ingest": {"sources": [{"name": "a", "path": "b", "license": "c"}]}},
            "ingest.sources.0.license is not a key of the configuration: did you mean licence?",
        ),
        (
            {"embed": {"zzz": 1}},
            "embed.zzz is not a key of the configuration: the keys there are retries, retry_delay_s, timeout_s, batch.",
        ),
        (
            {"cluster": {"k": "ten"}},
            "cluster.k is 'ten', but it should be a valid integer",
        ),
        ({"cluster": {"k": 1}}, "cluster.k is 1, but it should be greater than or equal to 2"),
        ({"cluster": {"k": 2.5}}, "cluster.k is 2.5, but it should be a valid integer"),
        ({"cluster": 7}, "cluster is 7, but it should be"),
        (
            {"detect_text": {"canvas": 100}},
            "detect_text.canvas is 100, but it should be 128, 192, 256, 320, 384 or 512",
        ),
        ({"detect_text": {"dtype": "float16"}}, "detect_text.dtype is 'float16', but it should be 'float32'"),
        ({"train_gan": {"retrain": {"when": "sometimes"}}}, "train_gan.retrain.when is 'sometimes', but it should be"),
        ({"train_gan": {"retrain": {"when": "never"}}}, "train_gan.retrain: pin is missing, but when is never"),
        ({"train_gan": {"retrain": {"when": "never", "pin": "3f"}}}, "train_gan.retrain.pin is '3f', but"),
        ({"seed": -1}, "seed is -1, but it should be greater than or equal to 0"),
        ({"seed": "dice"}, "seed is 'dice', but it should be a valid integer"),
        ({"seed": 2**63}, "seed is 9223372036854775808, but it should be less than"),
        ({"device": "gpu"}, "device is 'gpu', but it should"),
        ({"name": "my run"}, "name is 'my run', but it should match pattern"),
        ({"ingest": {"sources": []}}, "ingest.sources is [], but it should have at least 1 item"),
        ({"ingest": {"sources": [{"name": "a"}]}}, "ingest.sources.0.path is missing: add it"),
        (
            {"ingest": {"sources": [{"name": "a", "path": "1"}, {"name": "a", "path": "2"}]}},
            "ingest.sources holds a twice: give each source a name of its own.",
        ),
        ({"curate": {"resolution": 100_000}}, "curate.resolution is 100000, but it should be less than"),
        ({"train_encoder": {"batch": 7, "queue": 8}}, "queue is 8, but each step brings 7 keys: choose a multiple"),
    ],
)
def test_each_wrong_input_is_one_sentence_with_key_value_and_remedy(
    values: dict[str, Any], change: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UserError) as error:
        check_config({**values, **change})
    said = str(error.value)
    assert sentence in said
    assert "\n" not in said
    assert said.endswith((".", "?"))
    assert said.count("; ") == 0, "one wrong value, one sentence"
    assert "pydantic" not in said


def test_several_wrong_values_are_all_told(values: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"cluster\.k is 1.*; curate\.resolution is 3"):
        check_config({**values, "cluster": {"k": 1}, "curate": {"resolution": 3}})


def test_a_resolution_is_refused_exactly_when_no_generator_reaches_it(values: dict[str, Any]) -> None:
    for resolution in (*range(8, 200), *range(200, 1025, 8)):
        try:
            NetworkSettings(width=resolution, height=resolution)
            reachable = True
        except ValidationError:
            reachable = False
        assert reachable == (smallest_base_by_definition(resolution) <= MAX_BASE), resolution
        changed = {**values, "curate": {"resolution": resolution}}
        if reachable:
            assert check_config(changed).curate.resolution == resolution
            continue
        with pytest.raises(UserError, match=rf"curate\.resolution is {resolution}.*choose \d+\.$") as error:
            check_config(changed)
        proposed = int(str(error.value).rsplit("choose ", 1)[1].rstrip("."))
        assert check_config({**values, "curate": {"resolution": proposed}}).curate.resolution == proposed


def smallest_base_by_definition(side: int) -> int:
    """The smallest side of at least 4 from which doublings reach this one."""
    return min(base for base in range(4, side + 1) for doublings in range(11) if base * 2**doublings == side)


def test_set_overrides_a_key_reads_its_value_as_yaml_and_makes_missing_sections(write: Path) -> None:
    settings = ["cluster.k=12", "train_gan.augment.mode=off", "train_gan.augment.target=5e-1", "cluster.compare=[2, 3]"]
    config = load_config(write, [*settings, "report.title='Logos: all of them'", "cluster.k=13"])
    assert config.cluster.k == 13
    assert config.cluster.compare == (2, 3)
    assert config.train_gan.augment.mode == "off"
    assert config.train_gan.augment.target == 0.5
    assert config.report.title == "Logos: all of them"


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("cluster.k", r"--set cluster\.k lacks a key or a value: write it as section\.key=value"),
        ("cluster.k=", r"cluster\.k is None, but"),
        ("cluster.k.more=1", "cluster.k"),
        ("name.more=1", r"--set name\.more=1 goes through name, which holds a single value"),
        ("cluster.kk=1", r"cluster\.kk is not a key of the configuration: did you mean k\?"),
        ("cluster.k=[1", r"--set cluster\.k=\[1 has a value that is not valid YAML: put it in quotes"),
        ("=1", "--set =1 lacks a key"),
        (".k=1", r"--set \.k=1 lacks a key"),
        ("ingest.sources.0.name=x", "ingest.sources"),
        ("train_gan.score_images=1", "score_images is 1, and a single image has no distance: set it to 500, or so"),
        ("evaluate.ladder=15", "ladder is 15, and so few images say nothing of a metric: set it to 16 or more"),
    ],
)
def test_a_bad_set_is_told_in_a_sentence(write: Path, setting: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        load_config(write, [setting])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "holds no configuration: start from"),
        (b"- 1\n- 2\n", "holds no configuration: start from"),
        (b"name: [", "is not valid YAML"),
        (b"\xff\xfe\x00", "is not valid YAML"),
        (b"name: demo\n\tseed: 1\n", "is not valid YAML"),
        (b"!!python/object/apply:os.getcwd []", "is not valid YAML"),
    ],
)
def test_a_file_that_is_no_configuration_is_told_in_a_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "bad.yaml").write_bytes(content)
    with pytest.raises(UserError, match=sentence) as error:
        load_config(tmp_path / "bad.yaml")
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_or_is_a_folder_is_told_in_a_sentence(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.yaml", tmp_path):
        with pytest.raises(UserError, match=r"cannot read .*: name a configuration such as configs/demo\.yaml"):
            load_config(path)


def test_an_empty_section_means_its_defaults(values: dict[str, Any]) -> None:
    assert check_config({**values, "cluster": None, "embed": None}) == check_config(values)


SEEDED = [name for name in STAGES if "seed" in PipelineConfig.model_fields[name].annotation.model_fields]  # type: ignore[union-attr]


def test_the_seed_of_the_run_is_handed_down_to_stages_without_their_own(values: dict[str, Any]) -> None:
    assert {"train_encoder", "cluster", "train_gan", "generate"} <= set(SEEDED)
    config = check_config({**values, "seed": 7, "cluster": {"seed": 3, "k": 5}, "train_gan": {"seed": None}})
    assert {name: getattr(config, name).seed for name in SEEDED} == {
        **dict.fromkeys(SEEDED, 7),
        "cluster": 3,
    }
    assert check_config(config.model_dump()) == config


def test_the_seed_zero_of_a_stage_is_a_seed_of_its_own(values: dict[str, Any]) -> None:
    assert check_config({**values, "seed": 7, "cluster": {"seed": 0}}).cluster.seed == 0


def test_a_configuration_cannot_be_changed(config: PipelineConfig) -> None:
    for section in (config, config.cluster, config.train_gan.augment, config.ingest.sources[0]):
        name = next(iter(type(section).model_fields))
        with pytest.raises(ValidationError, match="frozen"):
            setattr(section, name, getattr(section, name))
    hash(config)


def properties(schema: dict[str, Any], place: str = "") -> dict[str, dict[str, Any]]:
    """Every property of a JSON schema and of its definitions, by its place."""
    found = {}
    for name, value in schema.get("properties", {}).items():
        found[f"{place}{name}"] = value
    for name, definition in schema.get("$defs", {}).items():
        found |= properties(definition, f"{name}.")
    return found


def test_every_key_of_the_json_schema_says_what_it_is() -> None:
    schema = PipelineConfig.model_json_schema()
    found = properties(schema)
    assert {"ClusterConfig.k", "SourceConfig.path", "AugmentSettings.target", "Retrain.when", "seed"} <= set(found)
    described = {name: value.get("description", "") for name, value in found.items()}
    sections = {name for name in STAGES if "$ref" in found[name]}  # a stage's section is described by its class
    assert sorted(name for name, text in described.items() if len(text) < 10 and name not in sections) == []
    for name in sections:
        assert len(schema["$defs"][found[name]["$ref"].rsplit("/", 1)[1]]["description"]) > 10
    assert all(definition.get("additionalProperties") is False for definition in schema["$defs"].values())


def test_the_schema_accepts_the_project_s_configurations_and_refuses_what_loading_refuses() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = PipelineConfig.model_json_schema()
    for path in CONFIGS:
        jsonschema.validate(yaml.safe_load(path.read_text()), schema)
    values = yaml.safe_load(CONFIGS[0].read_text())
    for change in ({"clusters": {}}, {"cluster": {"k": 1}}, {"detect_text": {"canvas": 100}}, {"seed": "dice"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**values, **change}, schema)


def test_every_section_belongs_to_a_stage() -> None:
    fields = PipelineConfig.model_fields
    sections = [n for n, f in fields.items() if isinstance(f.annotation, type) and issubclass(f.annotation, BaseModel)]
    assert sections == list(STAGES)
