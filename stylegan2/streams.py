"""Every random number is a function of (seed, purpose, step), so that resuming needs no state of a generator."""

from __future__ import annotations

from hashlib import sha256

import torch


def stream(seed: int, purpose: str, step: int, device: torch.device | str = "cpu") -> torch.Generator:
    """Start the random stream of one purpose at one step."""
    digest = sha256(f"{seed}/{purpose}/{step}".encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:8], "big") >> 1)
