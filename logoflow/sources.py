"""The content digest of each source, remembered by the stat of its file so that `plan` opens none again."""

from collections.abc import Sequence
from pathlib import Path

from data.sources.source import SourceError
from logoflow.config.sections import SourceConfig
from logoflow.errors import UserError
from logoflow.store.memo import Memo


def source_digests(sources: Sequence[SourceConfig], memo: Memo) -> dict[str, str]:
    """Content digest by source name.

    Raises:
        UserError: a source is missing, empty, not what it seems, or closed to this user.
    """
    try:
        return {source.name: source_digest(source, memo) for source in sources}
    except SourceError as error:
        raise UserError(str(error)) from error


def source_digest(source: SourceConfig, memo: Memo) -> str:
    """Digest of one source: of a file by its stat, of a folder by the stats of its files."""

    def read(path: Path) -> str:
        from data.sources.opening import open_source  # loads pyarrow or h5py, which a remembered digest does not need

        return open_source(source.name, path, source.kind, source.licence, memo.sha256).digest()

    if source.path.is_file():
        return memo.recall(f"source {source.kind or ''}", source.path, read)
    return read(source.path)
