"""Numbers, durations and names as a reader wants them."""

import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

NBSP = "\N{NO-BREAK SPACE}"  # keeps a number and its unit on one line
DASH = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
_UNITS = {"s": "s", "ms": "ms", "px": "px", "kimg": "kimg", "mib": "MiB", "gib": "GiB"}


def number(value: float) -> str:
    """A number with thousands separated and four significant digits: 48652 → "48,652", 0.98412 → "0.9841"."""
    if isinstance(value, float) and not math.isfinite(value):
        return "not a number" if math.isnan(value) else f"{MINUS if value < 0 else ''}infinite"
    if float(value).is_integer() and abs(value) < 1e15:
        text = f"{int(value):,}"
    elif abs(value) >= 1000:
        text = f"{value:,.0f}" if abs(value) < 1e15 else f"{value:.3e}"
    else:
        text = f"{value:.4g}"
    return text.replace("-", MINUS)


def share(part: int, whole: int) -> str:
    """`part` of `whole` in percent with one decimal: 528 of 1640 → "32.2 %"."""
    return f"{100 * part / whole if whole else 0:.1f}{NBSP}%"


def duration(seconds: float) -> str:
    """A duration with its two largest units: 432 → "7 min 12 s"."""
    if seconds < 1:
        return f"{1000 * seconds:.0f}{NBSP}ms"
    if seconds < 59.95:
        return f"{seconds:.1f}{NBSP}s"
    minutes, whole_seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours:,}{NBSP}h {minutes}{NBSP}min"
    return f"{minutes}{NBSP}min {whole_seconds}{NBSP}s"


def moment(when: datetime) -> str:
    """A date as a sentence has it: "22 November 2025, 01:54 UTC"."""
    return f"{when.day} {when:%B %Y, %H:%M %Z}".strip()


def label(name: str) -> str:
    """An identifier as words, without its unit: "images_per_s" → "images per s", "blur_px" → "blur"."""
    words = name.split("_")
    if len(words[0]) == 1:  # a symbol with its index, such as r_t
        return name
    if len(words) > 1 and words[-1] in _UNITS and words[-2] != "per":
        words = words[:-1]
    return " ".join(words)


def value(content: Any, name: str = "") -> str:
    """A setting or metric as text, with the unit that ends its name: (64, "resolution_px") → "64 px"."""
    match content:
        case None | "":
            return DASH
        case bool():
            return "yes" if content else "no"
        case int() | float():
            words = name.rsplit(".", 1)[-1].split("_")
            unit = _UNITS.get(words[-1], "") if len(words) > 1 and words[-2] != "per" else ""
            return f"{number(content)}{NBSP}{unit}" if unit else number(content)
        case list() | tuple():
            return ", ".join(value(item) for item in content) or DASH
        case Mapping():
            return ", ".join(f"{key}: {value(item)}" for key, item in content.items()) or DASH
        case _:
            return str(content)


def flatten(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested mappings under dotted names: {"a": {"b": 1}} → ("a.b", 1)."""
    for key, item in content.items():
        if isinstance(item, Mapping) and item:
            yield from flatten(item, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", item


def key_metrics(metrics: Mapping[str, Any], most: int) -> list[tuple[str, Any]]:
    """The first `most` metrics that are one value each, for a place with little room."""
    single = [(key, item) for key, item in metrics.items() if isinstance(item, (int, float, str))]
    return single[:most]
