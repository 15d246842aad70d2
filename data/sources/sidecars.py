"""Labels that lie beside the images: StyleGAN's dataset.json, and WebDataset's .cls and .json."""

import json
from collections import Counter
from collections.abc import Callable, Hashable
from typing import IO, Any

from data.sources.retry import is_passing
from data.sources.source import cannot_be_read

DATASET = "dataset.json"

# As many bytes as half a million labels take, and one sample's description.
_DATASET_BYTES = 32 * 2**20
_SAMPLE_BYTES = 2**20

_LABEL_KEYS = ("label", "cls", "class")
_INT64 = range(-(2**63), 2**63)

_BAD_DATASET = "dataset.json that cannot be read"
_BAD_PAIR = "pairs in dataset.json that are no name and class"
_BAD_CLASS = "classes in .cls files that are no integers"

Labels = dict[str, dict[str, int]]
"""Name of an image, or what samples are told by → label name → class."""
Pairs = tuple[tuple[str, int], ...]
"""Label names and classes of one sample, in less memory."""


class Sidecars:
    """Collects labels while a source is listed, whatever order its files come in.

    * `dataset.json`: `{"labels": [["00000/img00000000.png", 3], ...]}`, names relative to its folder, is the label
      `label`. Labels that are vectors, and null, are none.
    * A file of an image's name up to the first dot belongs to it: `.cls` with an integer is the label `cls`; of a
      `.json` object, integers under label, cls and class are labels, and all integers of an object under labels.

    Attributes:
        unread: labels that are none, by what is wrong with them.
    """

    def __init__(self) -> None:
        self.unread: Counter[str] = Counter()
        self._of_image: Labels = {}
        self._of_sample: Labels = {}
        self._read: dict[Hashable, Labels | Pairs] = {}

    def look_at(self, name: str, place: Hashable, size: int, open_file: Callable[[], IO[bytes]]) -> bool:
        """Read a file if it can hold labels; say whether it can.

        Args:
            name: its path, with forward slashes.
            place: of its bytes, which may have several names and are read once.
            size: of it in bytes.
            open_file: opens it.

        Raises:
            SourceError: it cannot be read now.
        """
        folder, slash, file = name.rpartition("/")
        suffix = file.rpartition(".")[2].lower()
        if suffix not in ("cls", "json") or size > (_DATASET_BYTES if file == DATASET else _SAMPLE_BYTES):
            return False
        if place not in self._read:
            self._read[place] = self._parse(file, suffix, open_file)
        found = self._read[place]
        if isinstance(found, dict):
            self._of_image |= {folder + slash + image: labels for image, labels in found.items()}
        else:
            self._of_sample.setdefault(_sample(name), {}).update(found)
        return True

    def labels(self, name: str) -> Pairs:
        """The labels of an image, sorted."""
        if not (self._of_image or self._of_sample):
            return ()
        own = {**self._of_sample.get(_sample(name), {}), **self._of_image.get(name, {})}
        return tuple(sorted(own.items()))

    def _parse(self, file: str, suffix: str, open_file: Callable[[], IO[bytes]]) -> Labels | Pairs:
        """The labels in a file: of images by their names, or those of its sample."""
        try:
            with open_file() as stream:
                text = stream.read(_DATASET_BYTES + 1)
            if file == DATASET:
                return self._dataset_labels(json.loads(text))
            labels = _integers({"cls": int(text)}) if suffix == "cls" else _sample_labels(json.loads(text))
            return tuple(labels.items())
        except Exception as error:  # not for us, or garbage, for which each packing has exceptions of its own
            if is_passing(error):
                raise cannot_be_read(file, error) from error
            if file == DATASET or suffix == "cls":
                self.unread[_BAD_DATASET if file == DATASET else _BAD_CLASS] += 1
            return ()

    def _dataset_labels(self, content: Any) -> Labels:
        """Labels by image of a dataset.json; of its pairs one that is bad costs only itself."""
        given = content.get("labels") or []
        found = {}
        for pair in given.items() if isinstance(given, dict) else given:
            match pair:
                case [str(image), int() | float() as value] if labels := _integers({"label": value}):
                    found[image] = labels
                case [str(), None | list()]:
                    continue
                case _:
                    self.unread[_BAD_PAIR] += 1
        return found


def _sample(name: str) -> str:
    """The part of a name that files of one sample share: the path up to the first dot of its last part."""
    folder, slash, file = name.rpartition("/")
    return folder + slash + file.partition(".")[0]


def _sample_labels(content: Any) -> dict[str, int]:
    """Labels in the description of a sample."""
    named = content.get("labels")
    direct = {key: content[key] for key in _LABEL_KEYS if key in content}
    return _integers({**(named if isinstance(named, dict) else {}), **direct})


def _integers(values: dict[str, Any]) -> dict[str, int]:
    """Of some values those that are classes, 3.0 among them; true and false are none."""
    whole = {
        name: int(value) if isinstance(value, float) and value.is_integer() else value for name, value in values.items()
    }
    return {name: value for name, value in whole.items() if type(value) is int and value in _INT64}
