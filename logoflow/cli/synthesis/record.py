"""What made an output, beside it as JSON, so that it can be made again and taken up by other commands."""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from logoflow.cli.synthesis.command import COMMANDS, Command, checked
from logoflow.cli.synthesis.drawing import Asked, Drawing
from logoflow.cli.synthesis.opened import Opened, sha256_of
from logoflow.cli.synthesis.request import Request
from logoflow.cli.synthesis.words import is_saved, split_picks
from logoflow.errors import UserError
from logoflow.machine import library_version


class Record(BaseModel):
    """What made an output.

    Attributes:
        command: such as generate.
        request: all its parameters.
        generator: path, origin and sha256.
        sources: sha256 of each file that w came from.
        pictures: name, seed of the noise, and clusters with their weights, of each w.
        files: sha256 of each file that was written.
        versions: of what the bytes depend on, with device and threads.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: str
    request: dict[str, Any]
    generator: dict[str, str]
    sources: dict[str, str]
    pictures: list[dict[str, Any]]
    files: dict[str, str]
    versions: dict[str, str]


def place_of(out: Path) -> Path:
    """Where the record of an output lies: `logo.png.json` for `logo.png`."""
    return out.with_name(f"{out.name}.json")


def write_record(command: Command, request: Request, opened: Opened, drawing: Drawing, files: list[Path]) -> Path:
    """Write the record of an output beside it."""
    import torch

    versions = {name: library_version(name) for name in ("torch", "pillow", "av")}
    record = Record(
        command=command.name,
        request=wherever(request),
        generator={"path": str(opened.path), "origin": opened.origin, "sha256": opened.sha256},
        sources={str(Path(path).absolute()): sha256_of(Path(path)) for path in sources_of(request)},
        pictures=pictures_of(drawing.asked),
        files={path.name: sha256_of(path) for path in files},
        versions=versions | {"device": str(opened.network.w_avg.device), "threads": str(torch.get_num_threads())},
    )
    path = place_of(request.out)
    path.write_text(json.dumps(record.model_dump(), indent=1, ensure_ascii=False) + "\n")
    return path


def pictures_of(asked: Asked) -> list[dict[str, Any]]:
    """A line for each picture."""
    weights = [None] * len(asked.names) if asked.weights is None else asked.weights.tolist()
    return [
        {"name": name, "seed": seed}
        | ({} if row is None else {"clusters": {label: weight for label, weight in enumerate(row) if weight}})
        for name, seed, row in zip(asked.names, asked.seeds, weights, strict=True)
    ]


def sources_of(request: Request) -> list[str]:
    """The files that w is read from."""
    texts = (getattr(request, name, None) for name in ("w", "rows", "columns"))
    return [split_picks(text)[0] for text in texts if isinstance(text, str) and is_saved(text)]


def keep_sources(request: Request) -> None:
    """Refuse to write over what is drawn from: the output could not be made again.

    Raises:
        UserError: it would.
    """
    written = {path.resolve() for path in (request.out, place_of(request.out), request.save_w) if path is not None}
    for source in sources_of(request):
        if Path(source).resolve() in written:
            raise UserError(f"{request.out} is made from {source} and would be written over it: name another --out.")


def wherever(request: Request) -> dict[str, Any]:
    """All parameters, such that they mean the same in another folder."""
    values = request.model_dump(mode="json", exclude={"save_w", "store"})
    sources = sources_of(request)
    return {
        name: str(Path(value).absolute()) if isinstance(value, str) and split_picks(value)[0] in sources else value
        for name, value in values.items()
    }


def read_record(path: Path) -> Record:
    """Read a record.

    Raises:
        UserError: the file is none, or a file that it names is no longer what it was.
    """
    try:
        record = Record.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise UserError(f"{path} says of no output how it was made: give the .json that lies beside one.") from error
    for name, sha256 in record.sources.items():
        if not Path(name).is_file() or sha256_of(Path(name)) != sha256:
            raise UserError(f"{path} was made from {name}, which is gone or has changed: bring it back as it was.")
    if record.command not in COMMANDS:
        raise UserError(f"{path} was made by a command {record.command!r} that this version has not: use another one.")
    return record


def request_of(record: Record, **changes: Any) -> Request:
    """The recorded request, with changes."""
    return checked(COMMANDS[record.command].request, {**record.request, **changes})
