"""The encoder that ships, trained on the full sample set by `python -m tasks.ship_encoder`."""

from pathlib import Path

ENCODER = Path(__file__).with_name("shipped.safetensors")
CENTROIDS = Path(__file__).with_name("shipped.npy")
"""Of ten clusters of the logos that it was trained on, float32 `[10, 128]`."""
CARD = Path(__file__).with_name("shipped.json")
"""What it is made of, how well it finds copies, and what it is not for."""
