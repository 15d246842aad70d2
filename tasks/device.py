"""Where networks run, and in which order they share it."""

import threading

NETWORK = threading.Lock()
"""Held while a unit runs a network: each uses every core by itself, two at once would only fight for them."""


def device_named(name: str) -> str:
    """The device for a name of the configuration; "auto" is a GPU where there is one."""
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return name
