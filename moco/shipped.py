"""The encoder that ships, trained on the full sample set by `python -m tasks.ship_encoder`."""

from pathlib import Path

ENCODER = Path(__file__).with_name("shipped.safetensors")
CENTROIDS = Path(__file__).with_name("shipped.npy")
"""Of ten clusters of the logos that it was trained on, by its vectors with outlines beside; float32 `[10, 272]`."""
CARD = Path(__file__).with_name("shipped.json")
"""What it is made of, how well it finds copies, and what it is not for."""
