"""Where a source lies: a path, a pattern that matches several, or an address in an object store."""

import glob
from pathlib import Path, PurePosixPath

from data.sources.names import is_hidden
from data.sources.source import SourceError

REMOTE = "s3://"


def is_remote(path: str) -> bool:
    """Whether a path is an address in an object store."""
    return path.startswith(REMOTE)


def is_pattern(path: str) -> bool:
    """Whether a path is a pattern such as `collections/*.zip`, and not one that exists as it is written."""
    return glob.has_magic(path) and not (is_remote(path) or Path(path).exists())


def expand(pattern: str) -> dict[str, Path]:
    """What a pattern matches, by its name below the fixed part of the pattern, sorted by that name.

    What lies in a folder that is matched itself is left to that folder; hidden files are left out.
    """
    root, rest = split_pattern(pattern)
    found: dict[str, Path] = {}
    for path in sorted(Path(root).glob(rest)):
        name = path.relative_to(root).as_posix()
        if not any(map(is_hidden, name.split("/"))) and not any(parent in found.values() for parent in path.parents):
            found[name] = path
    if not found:
        raise SourceError(f"{pattern} matches nothing: check the pattern of the source.")
    return found


def split_pattern(pattern: str) -> tuple[str, str]:
    """The folders at the head of a pattern in which nothing is variable, and the rest."""
    parts = PurePosixPath(pattern).parts
    fixed = next(n for n, part in enumerate(parts) if glob.has_magic(part))
    return str(PurePosixPath(*parts[:fixed])), str(PurePosixPath(*parts[fixed:]))
