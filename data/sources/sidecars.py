"""Labels that lie beside the images of an archive: StyleGAN's dataset.json, and WebDataset's .cls and .json."""

import json
from typing import Any

from data.sources.members import Member

# As many bytes as half a million labels take, and one sample's description.
_DATASET_BYTES = 32 * 2**20
_SAMPLE_BYTES = 2**20

_DATASET = "dataset.json"
_LABEL_KEYS = ("label", "cls", "class")
_INT64 = range(-(2**63), 2**63)


class Sidecars:
    """Collects labels while an archive is listed, whatever order its members come in.

    * `dataset.json`: `{"labels": [["00000/img00000000.png", 3], ...]}`, names relative to its folder, is the label
      `label`. Labels that are vectors, and null, are none.
    * A file of an image's name up to the first dot belongs to it: `.cls` with an integer is the label `cls`; of a
      `.json` object, integers under label, cls and class are labels, and all integers of an object under labels.
    """

    def __init__(self) -> None:
        self._of_image: dict[str, dict[str, int]] = {}
        self._of_sample: dict[str, dict[str, int]] = {}

    def look_at(self, member: Member) -> None:
        """Read a member if it holds labels; one that is damaged holds none."""
        folder, _, file = member.name.rpartition("/")
        suffix = file.rpartition(".")[2].lower()
        limit = _DATASET_BYTES if file == _DATASET else _SAMPLE_BYTES
        if suffix not in ("cls", "json") or member.problem is not None or member.size > limit:
            return
        try:
            with member.open() as stream:
                text = stream.read(limit + 1)
            if file == _DATASET:
                self._of_image |= _dataset_labels(f"{folder}/" if folder else "", json.loads(text))
                return
            labels = _integers({"cls": int(text)}) if suffix == "cls" else _sample_labels(json.loads(text))
        except Exception:  # not for us, or garbage, for which each packing has exceptions of its own
            return
        if labels:
            self._of_sample.setdefault(_sample(member.name), {}).update(labels)

    def labels(self, name: str) -> tuple[tuple[str, int], ...]:
        """The labels of an image, sorted."""
        own = {**self._of_sample.get(_sample(name), {}), **self._of_image.get(name, {})}
        return tuple(sorted(own.items()))


def _sample(name: str) -> str:
    """The part of a name that files of one sample share: the path up to the first dot of its last part."""
    folder, slash, file = name.rpartition("/")
    return folder + slash + file.partition(".")[0]


def _dataset_labels(folder: str, content: Any) -> dict[str, dict[str, int]]:
    """Labels by image of a dataset.json."""
    pairs = content.get("labels") or []
    return {folder + name: labels for name, value in pairs if (labels := _integers({"label": value}))}


def _sample_labels(content: Any) -> dict[str, int]:
    """Labels in the description of a sample."""
    named = content.get("labels")
    direct = {key: content[key] for key in _LABEL_KEYS if key in content}
    return _integers({**(named if isinstance(named, dict) else {}), **direct})


def _integers(values: dict[str, Any]) -> dict[str, int]:
    """Of some values those that are classes; true and false are none."""
    return {name: value for name, value in values.items() if type(value) is int and value in _INT64}
