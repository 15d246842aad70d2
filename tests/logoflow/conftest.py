"""A small store, a configuration over twenty files, and a rehearsal: stages that leave bytes without doing any work."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from logoflow.code import code_digest
from logoflow.config.load import check_config
from logoflow.config.pipeline import PipelineConfig
from logoflow.resolve import Workspace, resolve, write_members
from logoflow.sources import look_at_sources
from logoflow.stages import MEMBERS, STAGES, Stage
from logoflow.store.ledger import Event, Kind
from logoflow.store.manifest import InputRecord, Manifest, Parts, content_digest
from logoflow.store.memo import Memo
from logoflow.store.store import Artifact, Store, record_files

START = datetime(2025, 3, 1, tzinfo=UTC)


@dataclass
class Committer:
    """Commits artifacts of given bytes; each starts a minute after the one before it."""

    count: int = 0

    def __call__(
        self,
        store: Store,
        parts: Parts,
        files: Mapping[str, bytes],
        data: Sequence[str] | None = None,
        *,
        recipe: str = "",
        units: Sequence[str] = (),
        inputs: Mapping[str, Artifact] | None = None,
    ) -> Artifact:
        """Write files and commit them; `data` (all of them when left out) count in the content digest."""
        self.count += 1
        with store.building(parts.stage, parts.fingerprint()) as draft:
            for name, content in files.items():
                (draft / name).parent.mkdir(parents=True, exist_ok=True)
                (draft / name).write_bytes(content)
            records = record_files(draft, tuple(files if data is None else data))
            manifest = Manifest(
                stage=parts.stage,
                fingerprint=parts.fingerprint(),
                content=content_digest(records),
                recipe=recipe,
                parts=parts,
                inputs={
                    name: InputRecord(stage=a.stage, fingerprint=a.manifest.fingerprint, content=a.content)
                    for name, a in (inputs or {}).items()
                },
                units=tuple(units),
                files=records,
                metrics={"files": len(files)},
                versions={},
                host={},
                started=START + timedelta(minutes=self.count),
                duration_s=1.5,
            )
            return store.commit(draft, manifest)


@pytest.fixture
def commit() -> Committer:
    return Committer()


@pytest.fixture(scope="session")
def code_memory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a store remembers of this project's code, which takes a while to parse."""
    memo = Memo(tmp_path_factory.mktemp("code") / "memo.sqlite")
    for stage in STAGES.values():
        code_digest(stage.code, memo)
    memo.save()
    return memo.path


@pytest.fixture
def space(tmp_path: Path, code_memory: Path) -> Workspace:
    opened = Workspace.open(tmp_path / "store")
    if code_memory.exists():
        shutil.copy(code_memory, opened.memo.path)
    return opened


@pytest.fixture
def store(space: Workspace) -> Store:
    return space.store


@pytest.fixture
def values(tmp_path: Path) -> dict[str, Any]:
    """The values of a small configuration: a folder of twenty files, which no test here decodes."""
    folder = tmp_path / "logos"
    folder.mkdir()
    for number in range(20):
        (folder / f"{number:02}.png").write_bytes(b"bytes of %d" % number)
    return {
        "name": "rehearsal",
        "ingest": {"sources": [{"name": "logos", "path": str(folder)}]},
        "train_encoder": {"batch": 4, "queue": 8, "normalisation_groups": 2},
    }


@pytest.fixture
def config(values: dict[str, Any]) -> PipelineConfig:
    return check_config(values)


def image_ids(numbers: range) -> list[str]:
    """Ids of pictures, as hex."""
    return [f"{number:064x}" for number in numbers]


@dataclass
class Rehearsal:
    """Goes through the stages as a run does, but what a stage leaves is only a text that follows from its parts.

    Attributes:
        content: what a stage leaves instead, by stage.
        images: the ids that detect_text and curate let through.
    """

    space: Workspace
    commit: Committer
    content: dict[str, bytes] = field(default_factory=dict)
    images: list[str] = field(default_factory=lambda: image_ids(range(100)))
    runs: int = 0

    def __call__(self, config: PipelineConfig, until: str = "report") -> dict[str, Artifact]:
        """Run, and tell the ledger; the artifacts by stage."""
        self.runs += 1
        values = config.model_dump(mode="json")
        self.tell(config, Kind.RUN_STARTED, config=values, pid=1, host={"name": "elsewhere"})
        made: dict[str, Artifact] = {}
        for stage in STAGES.values():
            made[stage.name] = self.answer(stage, config, {name: made[name] for name in stage.inputs})
            if stage.name == until:
                break
        self.tell(config, Kind.RUN_ENDED, state="completed")
        return made

    def answer(self, stage: Stage, config: PipelineConfig, inputs: dict[str, Artifact]) -> Artifact:
        facts = {} if stage.inputs else look_at_sources(config.ingest.sources, self.space.memo)
        sources = {name: fact.digest for name, fact in facts.items()}
        found = resolve(stage, getattr(config, stage.name), inputs, sources, self.space, config.name)
        told = {"reason": found.reason, "parts": found.parts.model_dump(), "fingerprint": found.parts.fingerprint()}
        if found.artifact is not None:
            told["fingerprint"] = found.artifact.manifest.fingerprint
            self.tell(config, Kind.STAGE_CACHED, stage.name, metrics={}, content=found.artifact.content, **told)
            return found.artifact
        self.tell(config, Kind.STAGE_STARTED, stage.name, **told)
        files = {name: self.content.get(stage.name, found.parts.fingerprint().encode()) for name in stage.data}
        members = self.space.store.root / ".work" / "members"
        members.parent.mkdir(exist_ok=True)
        write_members(members, self.images)
        files[MEMBERS] = members.read_bytes()
        members.unlink()
        if stage.name == "report":
            files["index.html"] = b"<title>Rehearsal</title>"
        artifact = self.commit(self.space.store, found.parts, files, stage.data, recipe=found.recipe, inputs=inputs)
        told["content"] = artifact.content
        self.tell(config, Kind.STAGE_BUILT, stage.name, metrics={}, duration_s=1.5, **told)
        return artifact

    def tell(self, config: PipelineConfig, kind: Kind, stage: str = "", /, **data: Any) -> None:
        at = START + timedelta(days=self.runs, minutes=self.commit.count)
        self.space.ledger.append(Event(f"run-{self.runs}", config.name, kind, stage, data, at))


@pytest.fixture
def rehearse(space: Workspace, commit: Committer) -> Rehearsal:
    return Rehearsal(space, commit)


@pytest.fixture
def ids() -> Callable[[range], list[str]]:
    return image_ids
