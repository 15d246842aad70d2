"""The networks that ship, trained on the full sample set by `python -m tasks.ship_generator`."""

from pathlib import Path

GENERATOR = Path(__file__).with_name("shipped.safetensors")
DISCRIMINATOR = Path(__file__).with_name("shipped-discriminator.safetensors")
SHEET = Path(__file__).with_name("shipped.webp")
"""A row of logos of each cluster, not chosen."""
CARD = Path(__file__).with_name("shipped.json")
"""What they are made of, how good they are, and what they are not for."""
