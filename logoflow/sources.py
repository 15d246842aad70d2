"""What `plan` needs to know of the sources: content digests and sizes, remembered so that none is opened again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from logoflow.canonical import digest_of
from logoflow.config.pipeline import PipelineConfig
from logoflow.config.sections import SourceConfig
from logoflow.errors import UserError
from logoflow.store.memo import Memo

if TYPE_CHECKING:
    from data.sources.source import Entry, HashFile, Source

FACTS = "facts of a source 3"
"""What the memory calls them; count up when the same bytes give other facts."""


@dataclass(frozen=True)
class SourceFacts:
    """One source: the digest of its content, how many images it offers, and of a folder which, as it was listed."""

    digest: str
    images: int
    entries: "Sequence[Entry]" = field(default=(), compare=False, repr=False)


def look_at_sources(sources: Sequence[SourceConfig], memo: Memo) -> dict[str, SourceFacts]:
    """The facts of each source, by name.

    Raises:
        UserError: a source is missing, empty, not what it seems, or closed to this user.
    """
    return {source.name: look_at(source, memo) for source in sources}


def open_reader(source: SourceConfig, hash_file: "HashFile") -> "Source":
    """The reader of a source; what loads numpy, pyarrow and h5py is imported only when one is opened.

    Raises:
        SourceError: nothing can be read there.
    """
    from data.sources.opening import open_source

    return open_source(source.name, source.path, source.kind, source.licence, hash_file, source.labels)


def look_at(source: SourceConfig, memo: Memo) -> SourceFacts:
    """The facts of one source: of files by their stats, of a folder by the stats of its files."""
    from data.sources.source import SourceError

    try:
        return facts_of(source, memo)
    except SourceError as error:
        raise UserError(str(error)) from error


def facts_of(source: SourceConfig, memo: Memo) -> SourceFacts:
    """The same, with errors as the readers raise them."""
    from data.sources.opening import kind_of, parts_of  # numpy, pyarrow, h5py are loaded when something is opened
    from data.sources.places import is_pattern, is_remote

    def read(_: Path | str) -> tuple[str, int]:
        reader = open_reader(source, memo.sha256)
        return reader.digest(), len(reader.entries())

    facts, path = f"{FACTS} {source.kind or ''} {source.labels or ''}", Path(source.path)
    if is_remote(source.path):
        return look_at_remote(source.path, facts, memo, read)
    if path.is_file():
        return SourceFacts(*memo.recall(facts, path, read))
    if is_pattern(source.path):
        if parts := parts_of(source.path, source.kind):
            return facts_of_parts(source, parts, memo, facts_of_part)
    elif (source.kind or kind_of(path)) == "parquet" and (tables := list(path.rglob("*.parquet"))):
        return facts_of_parts(source, {str(table.relative_to(path)): table for table in tables}, memo, facts_of)
    reader = open_reader(source, memo.sha256)
    return SourceFacts(reader.digest(), len(reader.entries()), reader.entries())


def facts_of_parts(
    source: SourceConfig,
    parts: Mapping[str, Path],
    memo: Memo,
    look: Callable[[SourceConfig, Memo], SourceFacts],
) -> SourceFacts:
    """The facts of several files or folders that are one source."""
    facts = {name: look(source.model_copy(update={"path": str(path)}), memo) for name, path in sorted(parts.items())}
    digest = digest_of({name: fact.digest for name, fact in facts.items()})
    return SourceFacts(digest, sum(fact.images for fact in facts.values()))


def facts_of_part(source: SourceConfig, memo: Memo) -> SourceFacts:
    """The facts of one of several, as `SeveralSources` takes it: where it is damaged one image, for quarantine."""
    from data.sources.source import BadContainer, NoImages

    try:
        return facts_of(source, memo)
    except NoImages:
        return SourceFacts("no images", 0)
    except BadContainer as error:
        return SourceFacts(str(error.problem), 1)


def look_at_remote(url: str, facts: str, memo: Memo, read: Callable[[str], tuple[str, int]]) -> SourceFacts:
    """The facts of what lies in an object store: one object is fetched once, a prefix is only listed."""
    from data.sources.remote import find_objects

    objects = find_objects(url)
    stamp = digest_of({name: item.version for name, item in objects.items()})
    return SourceFacts(*memo.recall_stamped(facts, url, stamp, lambda: read(url)))


def refuse_impossible(config: PipelineConfig, images: int) -> None:
    """Refuse settings that no run over this many images could satisfy, before anything runs.

    Raises:
        UserError: names the key, its value and the remedy.
    """
    encoder, gan = config.train_encoder, config.train_gan
    if config.cluster.fewest >= images:
        raise UserError(
            f"cluster.k is {config.cluster.k}, but the sources offer only {images} images: "
            "choose a smaller k, or add images."
        )
    if encoder.batch + encoder.queue > images:
        raise UserError(
            f"train_encoder.batch is {encoder.batch} and train_encoder.queue {encoder.queue}, but the sources offer "
            f"only {images} images, so that many would be among their own negatives: choose smaller ones."
        )
    if gan.batch is not None and gan.batch > images:
        raise UserError(
            f"train_gan.batch is {gan.batch}, but the sources offer only {images} images: choose a smaller batch."
        )
