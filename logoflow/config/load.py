"""From a YAML file and `--set` to a checked configuration, or a sentence that names key, value and remedy."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
        values = yaml.safe_load(path.read_text())
    except OSError as error:
        raise UserError(
            f"cannot read {path} ({error.strerror}): name a configuration such as configs/demo.yaml."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not valid YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(values, dict):
        raise UserError(f"{path} holds no configuration: start from configs/demo.yaml.")
    for setting in settings:
        override(values, setting)
    return check_config(values)


def check_config(values: dict[str, Any]) -> PipelineConfig:
    """Check the values of a configuration.

    Raises:
        UserError: a key is unknown, or a value has the wrong type or is impossible.
    """
    try:
        return PipelineConfig.model_validate(values)
    except ValidationError as error:
        raise UserError("; ".join(explain(detail) for detail in error.errors()[:3])) from error


def override(values: dict[str, Any], setting: str) -> None:
    """Apply `section.key=value` to the values, in place."""
    key, equals, text = setting.partition("=")
    if not equals:
        raise UserError(f"--set {setting} has no value: write it as section.key=value, such as cluster.k=12.")
    *sections, last = key.strip().split(".")
    target = values
    for section in sections:
        child = target.setdefault(section, {})
        if not isinstance(child, dict):
            raise UserError(
                f"--set {setting} goes through {section}, which holds a single value: check the key's path."
            )
        target = child
    try:
        target[last] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"--set {setting} has a value that is not valid YAML: put it in quotes.") from error


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
            message = detail["msg"].removeprefix("Input should be ").removeprefix("String should ")
            return f"{key} is {detail['input']!r}, but it should be {message}: change it."


def siblings(location: tuple[int | str, ...]) -> list[str]:
    """The keys that exist where an unknown one was found."""
    model: type[BaseModel] = PipelineConfig
    for part in location[:-1]:
        annotation = model.model_fields[str(part)].annotation if str(part) in model.model_fields else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        model = annotation
    return list(model.model_fields)
