"""Which names are offered as images; one rule for folders, archives and object stores."""

import os
import re

# A file with one of these suffixes is offered as an image, whatever is in it; others (README, JSON, ...) are not.
IMAGE_SUFFIXES = frozenset(
    {".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif", ".bmp", ".dib", ".ico", ".tif", ".tiff"}
    | {".svg", ".avif", ".heic", ".heif", ".jp2", ".jxl", ".psd", ".eps", ".ai"}
)

_PICKLE_SUFFIXES = (".pkl", ".pickle", ".p")


NO_SUFFIX = "no suffix"
_ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".tbz2", ".xz", ".txz")
_TABLES = (".parquet", ".hdf5", ".h5")
CONTAINERS = frozenset({*_ARCHIVES, *_TABLES})
"""Suffixes of files that hold images."""

_NEARLY = (".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".svgz", ".jpg_large", ".png_large", ".xcf", ".pdf")
_REMEDIES = {
    **dict.fromkeys(_ARCHIVES, "not opened in a folder: make them a source, by a pattern such as FOLDER/*.zip"),
    **dict.fromkeys(_TABLES, "not opened beside images: make them a source of their own"),
    **dict.fromkeys(_PICKLE_SUFFIXES, "never read, since pickles can run code: use LLD's HDF5 or PNG files"),
    **dict.fromkeys(_NEARLY, "not read: convert or rename them to PNG, JPEG or SVG"),
    NO_SUFFIX: "not looked into: name images by their format, such as logo.png",
}


def ignored_as(name: str) -> str:
    """What a file that is no image is counted as: its suffix where that looks like one."""
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122
    return suffix if re.fullmatch(r"\.(?=.*[a-z])[a-z0-9_]{1,12}", suffix) else NO_SUFFIX


def remedy_for(ignored: str) -> str:
    """What to do where it was meant to be read; empty where nobody would mean it."""
    return _REMEDIES.get(ignored, "")


def is_hidden(part: str) -> bool:
    """Whether a file or folder of this name is one that people do not see."""
    return part.startswith(".") or part == "__MACOSX"


def has_image_suffix(name: str) -> bool:
    """Whether a path ends as one of an image does."""
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES  # noqa: PTH122 (pathlib takes ten times as long)


def is_image_name(name: str) -> bool:
    """Whether a path, with forward slashes, looks like an image that somebody meant to offer: nothing hidden."""
    return has_image_suffix(name) and not any(is_hidden(part) for part in name.split("/"))


def is_pickle(name: str) -> bool:
    """Whether a file is a Python pickle by its name, as LLD's first releases were."""
    return name.lower().endswith(_PICKLE_SUFFIXES)


def pickles_are_refused(path: object) -> str:
    """Why pickles at a path are not read, and what to do."""
    return (
        f"{path} is or holds Python pickles, each of which can run code when it is read: use LLD's HDF5 file instead, "
        "or its PNG files."
    )
