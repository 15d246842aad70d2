"""The encoder that ships: trained on the full sample set by `python -m moco.ship`; its card is shipped.json."""

from pathlib import Path

ENCODER = Path(__file__).with_name("shipped.safetensors")
CENTROIDS = Path(__file__).with_name("shipped.npy")
"""Of ten clusters of the logos that it was trained on, float32 `[10, 128]`."""
