"""What `plan` needs to know of the sources: content digests and sizes, remembered so that none is opened again."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from logoflow.config.pipeline import PipelineConfig
from logoflow.config.sections import SourceConfig
from logoflow.errors import UserError
from logoflow.store.memo import Memo


@dataclass(frozen=True)
class SourceFacts:
    """One source: the digest of its content, and how many images it offers."""

    digest: str
    images: int


def look_at_sources(sources: Sequence[SourceConfig], memo: Memo) -> dict[str, SourceFacts]:
    """The facts of each source, by name.

    Raises:
        UserError: a source is missing, empty, not what it seems, or closed to this user.
    """
    return {source.name: look_at(source, memo) for source in sources}


def look_at(source: SourceConfig, memo: Memo) -> SourceFacts:
    """The facts of one source: of a file by its stat, of a folder by the stats of its files."""

    def read(path: Path) -> tuple[str, int]:
        from data.sources.opening import open_source  # loads numpy, and pyarrow or h5py: remembered facts need none
        from data.sources.source import SourceError

        try:
            reader = open_source(source.name, path, source.kind, source.licence, memo.sha256)
            return reader.digest(), len(reader.entries())
        except SourceError as error:
            raise UserError(str(error)) from error

    if source.path.is_file():
        return SourceFacts(*memo.recall(f"source facts {source.kind or ''}", source.path, read))
    return SourceFacts(*read(source.path))


def refuse_impossible(config: PipelineConfig, images: int) -> None:
    """Refuse settings that no run over this many images could satisfy, before anything runs.

    Raises:
        UserError: names the key, its value and the remedy.
    """
    encoder, gan = config.train_encoder, config.train_gan
    if config.cluster.k >= images:
        raise UserError(
            f"cluster.k is {config.cluster.k}, but the sources offer only {images} images: "
            "choose a smaller k, or add images."
        )
    if encoder.batch + encoder.queue > images:
        raise UserError(
            f"train_encoder.batch is {encoder.batch} and train_encoder.queue {encoder.queue}, but the sources offer "
            f"only {images} images, and no image may meet itself in the queue: choose smaller ones."
        )
    if gan.batch is not None and gan.batch > images:
        raise UserError(
            f"train_gan.batch is {gan.batch}, but the sources offer only {images} images: choose a smaller batch."
        )
