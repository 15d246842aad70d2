"""From a stage's configuration, code, libraries and inputs to the parts that its fingerprint is made of."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from logoflow.canonical import digest_of
from logoflow.code import ROOT, code_digest
from logoflow.errors import UserError
from logoflow.machine import library_version, major_minor
from logoflow.stages import Stage
from logoflow.store.manifest import Parts
from logoflow.store.memo import Memo


def stage_parts(stage: Stage, section: BaseModel, inputs: Mapping[str, str], memo: Memo) -> Parts:
    """Everything that shapes the result of a stage with this section of the configuration and these input contents."""
    return Parts(
        stage=stage.name,
        code=digest_of([code_digest(stage.code, memo), pages_digests(stage, memo)]),
        config=fingerprinted(section),
        files=file_digests(stage.name, section, memo),
        libraries={name: major_minor(library_version(name)) for name in stage.libraries},
        inputs=dict(inputs),
    )


def pages_digests(stage: Stage, memo: Memo) -> dict[str, str]:
    """Sha256 of each file that a stage names by a pattern."""
    found = sorted(path for pattern in stage.pages for path in ROOT.glob(pattern))
    return {path.relative_to(ROOT).as_posix(): memo.sha256(path) for path in found}


def recipe_of(parts: Parts, inputs: Mapping[str, str]) -> str:
    """Digest of the parts without the data: equal for two runs whose sources differ and nothing else.

    Args:
        parts: of the stage.
        inputs: the recipe of each of its input artifacts; empty for ingest.
    """
    return digest_of({**parts.model_dump(exclude={"inputs"}), "recipes": dict(inputs)})


def fingerprinted(model: BaseModel) -> dict[str, Any]:
    """A section's values that shape the result: fields marked `fingerprint: False` or `file: True` are left out."""
    return {
        name: fingerprinted_value(getattr(model, name))
        for name, field in type(model).model_fields.items()
        if mark(field.json_schema_extra, "fingerprint", True) and not mark(field.json_schema_extra, "file", False)
    }


def fingerprinted_value(value: Any) -> Any:
    """JSON form of a value, with nested models reduced to what counts."""
    if isinstance(value, BaseModel):
        return fingerprinted(value)
    if isinstance(value, tuple | list):
        return [fingerprinted_value(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): fingerprinted_value(item) for key, item in value.items()}
    return str(value) if isinstance(value, Path) else value


def file_digests(stage: str, section: BaseModel, memo: Memo) -> dict[str, str]:
    """Sha256 of each file that a section names: weights from outside, human decisions.

    Raises:
        UserError: there is no such file.
    """
    digests = {}
    for name, field in type(section).model_fields.items():
        path: Path | None = getattr(section, name) if mark(field.json_schema_extra, "file", False) else None
        if path is not None and not path.is_file():
            raise UserError(f"{stage}.{name} is {path}, but there is no such file: check the path, or leave it out.")
        if path is not None:
            digests[name] = memo.sha256(path)
    return digests


def mark(extra: object, key: str, default: bool) -> bool:
    """A mark that a field of the configuration carries in its JSON schema."""
    return bool(extra.get(key, default)) if isinstance(extra, dict) else default


def differences(old: Parts, new: Parts) -> list[str]:
    """Why two fingerprints differ, in words: `config k: 10 -> 12`."""
    reasons = []
    for kind in ("config", "libraries"):
        reasons += [f"{kind} {line}" for line in changed_values(getattr(old, kind), getattr(new, kind))]
    reasons += [f"file {name} changed" for name in changed_keys(old.files, new.files)]
    reasons += [f"input {name} changed" for name in changed_keys(old.inputs, new.inputs)]
    if old.code != new.code:
        reasons.append("code changed")
    return reasons


def changed_values(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> list[str]:
    """`key: old -> new` for each leaf that differs."""
    lines = []
    for key in changed_keys(old, new):
        before, after = old.get(key, "unset"), new.get(key, "unset")
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            lines += changed_values(before, after, f"{prefix}{key}.")
        else:
            lines.append(f"{prefix}{key}: {before} -> {after}")
    return lines


def changed_keys(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Keys whose values differ, or that only one side has."""
    missing = object()
    return sorted(key for key in {*old, *new} if old.get(key, missing) != new.get(key, missing))
