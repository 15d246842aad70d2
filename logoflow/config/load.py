"""From a YAML file and `--set` to a checked configuration, or a sentence that names key, value and remedy."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from logoflow.config.pipeline import PipelineConfig
from logoflow.errors import UserError


def load_config(path: Path, settings: Sequence[str] = ()) -> PipelineConfig:
    """Read an experiment and override keys of it.

    Args:
        path: YAML file.
        settings: overrides such as `train_gan.kimg=200`; the value is read as YAML.

    Raises:
        UserError: the file or a setting cannot be read, or the configuration is impossible.
    """
    try:
        values = yaml.load(path.read_text(), Words)
    except OSError as error:
        raise UserError(
            f"cannot read {path} ({error.strerror}): name a configuration such as configs/demo.yaml."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not valid YAML: {what_is_wrong(error)}.") from None  # theirs show lines of the file
    if not isinstance(values, dict):
        raise UserError(f"{path} holds no configuration: start from configs/demo.yaml.")
    for setting in settings:
        override(values, setting)
    return check_config(values)


def what_is_wrong(error: yaml.YAMLError | UnicodeDecodeError) -> str:
    """A parser's complaint and its place, without the line itself, which may hold a secret."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"{error.problem}, in line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}"
    return "it holds characters that no text has"


def check_config(values: dict[str, Any]) -> PipelineConfig:
    """Check the values of a configuration.

    Raises:
        UserError: a key is unknown, or a value has the wrong type or is impossible.
    """
    try:
        return PipelineConfig.model_validate(values)
    except ValidationError as error:
        raise UserError("; ".join(explain(detail) for detail in causes(error.errors())[:3])) from error


def causes(details: list[ErrorDetails]) -> list[ErrorDetails]:
    """The errors without those that only follow from one further inside, such as a list left empty by a bad item."""
    places = [detail["loc"] for detail in details]
    return [
        detail
        for detail, place in zip(details, places, strict=True)
        if not any(len(other) > len(place) and other[: len(place)] == place for other in places)
    ]


def override(values: dict[str, Any], setting: str) -> None:
    """Apply `section.key=value` to the values, in place."""
    key, equals, text = setting.partition("=")
    *sections, last = key.strip().split(".")
    if not equals or not all([*sections, last]):
        raise UserError(f"--set {setting} lacks a key or a value: write it as section.key=value, such as cluster.k=12.")
    target = values
    for section in sections:
        child = target.setdefault(section, {})
        if not isinstance(child, dict):
            raise UserError(
                f"--set {setting} goes through {section}, which holds a single value: check the key's path."
            )
        target = child
    try:
        target[last] = yaml.load(text, Words)
    except yaml.YAMLError:
        raise UserError(f"--set {setting} has a value that is not valid YAML: put it in quotes.") from None


def explain(detail: ErrorDetails) -> str:
    """One sentence for one error of pydantic."""
    key = ".".join(str(part) for part in detail["loc"])
    match detail["type"]:
        case "extra_forbidden":
            near = difflib.get_close_matches(str(detail["loc"][-1]), siblings(detail["loc"]), n=1, cutoff=0.4)
            remedy = f"did you mean {near[0]}?" if near else f"the keys there are {', '.join(siblings(detail['loc']))}."
            return f"{key} is not a key of the configuration: {remedy}"
        case "missing":
            return f"{key} is missing: add it to the configuration."
        case "value_error":
            message = detail["msg"].removeprefix("Value error, ")
            return f"{key}: {message}" if key else message
        case _:
            wish = detail["msg"].partition(" should ")[2]
            return f"{key} is {detail['input']!r}, but it should {wish or 'be otherwise: ' + detail['msg']}: change it."


def siblings(location: tuple[int | str, ...]) -> list[str]:
    """The keys that exist where an unknown one was found."""
    model: type[BaseModel] = PipelineConfig
    for part in location[:-1]:
        if isinstance(part, int):  # within a list, whose model was found by its key
            continue
        annotation = model.model_fields[part].annotation
        inner = (annotation, *get_args(annotation))
        model = next(kind for kind in inner if isinstance(kind, type) and issubclass(kind, BaseModel))
    return list(model.model_fields)


class Words(yaml.SafeLoader):
    """YAML in which only true and false are booleans, as in YAML 1.2: `mode: off` is a word."""


Words.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
