"""The small languages of options: numbers and ranges, clusters and mixes of them, layers, noise by layers, saved w."""

from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING, cast

from logoflow.errors import UserError

if TYPE_CHECKING:
    from stylegan2.sampling import NoiseMode
    from stylegan2.settings import NetworkSettings

NOISES = ("const", "random", "none")
SAVED = (".safetensors", ".npy", ".json")
MOST = 10_000  # numbers in a range; more is a slip of the finger


def numbers(text: str, what: str) -> list[int]:
    """`0-3,7` -> [0, 1, 2, 3, 7].

    Raises:
        UserError: it is something else; `what` says what it was meant for.
    """
    found: list[int] = []
    try:
        for part in text.split(","):
            first, dash, last = part.strip().partition("-")
            span = range(int(first), int(last if dash else first) + 1)
            if not 0 < len(span) <= MOST:
                raise ValueError
            found += span
    except (ValueError, OverflowError):
        raise UserError(f"{what} {text!r} is no list of numbers: write it as 3, as 0-7, or as 0-3,12.") from None
    return found


def clusters(texts: Sequence[str], known: int) -> list[list[float]]:
    """The weights of all `known` clusters, for each cluster or mix that is named; all clusters where none is.

    Raises:
        UserError: a cluster is not there, or the weights of a mix do not add up to something positive.
    """
    if texts and not known:
        raise UserError("this generator has no clusters: leave --cluster out.")
    mixes: list[dict[int, float]] = []
    for text in texts:
        mixes += [one_mix(text)] if ":" in text else [{label: 1.0} for label in numbers(text, "--cluster")]
    for mix in mixes:
        if not all(0 <= label < known for label in mix) or not sum(mix.values()) > 0:
            raise UserError(f"this generator has clusters 0 to {known - 1}: --cluster cannot be {', '.join(texts)}.")
    mixes = mixes or [{label: 1.0} for label in range(known)]
    return [[mix.get(label, 0.0) / sum(mix.values()) for label in range(known)] for mix in mixes]


def one_mix(text: str) -> dict[int, float]:
    """`2:0.7,5:0.3` -> {2: 0.7, 5: 0.3}.

    Raises:
        UserError: it is something else.
    """
    try:
        parts = (part.split(":") for part in text.split(","))
        mix = [(int(label), float(weight)) for label, weight in parts]
        if len(dict(mix)) < len(mix) or not all(isfinite(weight) for _, weight in mix):
            raise ValueError
        return dict(mix)
    except ValueError:
        raise UserError(f"--cluster {text!r} is no mix of clusters: write it as 2:0.7,5:0.3.") from None


def cluster_name(weights: Sequence[float]) -> str:
    """What one row of `clusters` is called: `cluster 2`, or `clusters 2:0.7 5:0.3`."""
    parts = {label: weight for label, weight in enumerate(weights) if weight}
    if len(parts) == 1:
        return f"cluster {next(iter(parts))}"
    if len(set(weights)) == 1:
        return "all clusters"
    return "clusters " + " ".join(f"{label}:{weight:.2g}" for label, weight in parts.items())


def layers(text: str, settings: "NetworkSettings") -> list[int]:
    """`coarse,7-9` -> the indices of these layers.

    Raises:
        UserError: there are no such layers.
    """
    from stylegan2.groups import layer_groups

    groups = layer_groups(settings)
    named = groups | {"all": range(settings.layers)}
    found: set[int] = set()
    for part in text.split(","):
        found.update(named[part.strip()] if part.strip() in named else numbers(part, "layers"))
    if not all(0 <= layer < settings.layers for layer in found):
        known = ", ".join(f"{name} ({named_span(own)})" for name, own in groups.items())
        raise UserError(f"this generator has layers 0 to {settings.layers - 1}, {known}: {text!r} names others.")
    return sorted(found)


def named_span(layers: Sequence[int]) -> str:
    """Layers that follow one another: [3, 4, 5] -> `3-5`."""
    if not layers:
        return "none"
    return f"{layers[0]}-{layers[-1]}" if len(layers) > 1 else f"{layers[0]}"


def noises(text: str, settings: "NetworkSettings") -> "list[NoiseMode]":
    """`coarse=none,7-9=random` -> the noise of each layer; those that are not named have const.

    Raises:
        UserError: it is something else.
    """
    parts = text.split(",") if "=" in text else [f"all={text}"]
    modes = ["const"] * settings.layers
    for part in parts:
        which, equals, mode = part.strip().rpartition("=")
        if not equals or mode not in NOISES:
            raise UserError(f"--noise {text!r}: write const, random, none, or coarse=none,fine=random.")
        for layer in layers(which, settings):
            modes[layer] = mode
    return cast("list[NoiseMode]", modes)


def is_saved(text: str) -> bool:
    """Whether a text names a file of saved w, or the JSON of an earlier output."""
    return split_picks(text)[0].endswith(SAVED)


def split_picks(text: str) -> tuple[str, str | None]:
    """`FILE@2-4` -> FILE and 2-4, `FILE` -> FILE and None; there may be an @ in the name of a folder, too."""
    if text.endswith(SAVED):
        return text, None
    name, _, picks = text.rpartition("@")
    return name, picks
