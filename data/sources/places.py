"""Where a source lies: a path, a pattern that matches several, or an address in an object store."""

import fnmatch
import glob
import re
from pathlib import Path, PurePosixPath

from data.sources.names import is_hidden
from data.sources.source import SourceError

REMOTE = "s3://"


def is_remote(path: str) -> bool:
    """Whether a path is an address in an object store.

    Raises:
        SourceError: it is an address of another kind.
    """
    if (scheme := re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", path)) and scheme[0] != REMOTE:
        raise SourceError(
            f"{scheme[0]} is no address that is read: give a path of this machine, or s3://bucket/prefix."
        )
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
    taken: set[Path] = set()
    for path in sorted(Path(root).glob(rest)):
        name = path.relative_to(root).as_posix()
        if not any(map(is_hidden, name.split("/"))) and taken.isdisjoint(path.parents):
            found[name] = path
            taken.add(path)
    if not found:
        raise SourceError(f"{pattern} matches nothing: check the pattern of the source.")
    return found


def split_pattern(pattern: str) -> tuple[str, str]:
    """The folders at the head of a pattern in which nothing is variable, and the rest."""
    parts = PurePosixPath(pattern).parts
    fixed = next(n for n, part in enumerate(parts) if glob.has_magic(part))
    return str(PurePosixPath(*parts[:fixed])), str(PurePosixPath(*parts[fixed:]))


def matches(path: str, pattern: str) -> bool:
    """Whether a path matches a pattern, part by part; `**` alone stands for any number of folders."""
    parts, wanted = path.split("/"), pattern.split("/")
    if "**" in wanted:
        at = wanted.index("**")
        head_fits = len(parts) > at and all(map(fnmatch.fnmatchcase, parts[:at], wanted[:at]))
        return head_fits and any(
            matches("/".join(parts[n:]), "/".join(wanted[at + 1 :])) for n in range(at, len(parts))
        )
    return len(parts) == len(wanted) and all(map(fnmatch.fnmatchcase, parts, wanted))
