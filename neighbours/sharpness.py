"""How much of a picture's size is real: one that was enlarged has wide edges, whatever JPEG did to it since."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, minimum_filter1d

REACH = 8  # px to either side in which an edge is to end; what was enlarged more counts as eight times
LINES = 64  # rows and columns that are looked at
SPARSE = 4  # px between those that tell in which channel the picture has the most to show
VISIBLE = 0.4  # least height of an edge that counts, as a share of the picture's contrast: JPEG's ripples are lower
FLAT = 16  # levels; a picture with less contrast has no edges to measure
FEW = 8  # edges, with fewer nothing is said
SHARP = 1.7  # px from top to bottom of an edge that was drawn, or well reduced, at this size


def sharpness(pixels: NDArray[np.uint8]) -> float:
    """Share of a picture's sides, 0..1, at which it would still show all it shows; 1 where nothing tells otherwise.

    The width of an edge is its height over its slope. Edges that cross the lines at an angle look wider and marks have
    soft ones too, so the narrow quarter decides.

    Args:
        pixels: RGB `[H, W, 3]` on white.
    """
    spread = pixels[::SPARSE, ::SPARSE].reshape(-1, 3).std(axis=0)
    channel = pixels[..., int(spread.argmax())].astype(np.int16)
    visible = max(FLAT, VISIBLE * float(np.ptp(channel)))
    widths = np.concatenate([_widths(lines, visible) for lines in (channel, channel.T)])
    return 1.0 if len(widths) < FEW else float(min(1.0, SHARP / np.quantile(widths, 0.25)))


def _widths(lines: NDArray[np.int16], visible: float) -> NDArray[np.float64]:
    """Widths in px of the edges along some of the lines `[L, P]`."""
    if lines.shape[1] < 2:
        return np.empty(0)
    lines = np.ascontiguousarray(lines[:: -(-len(lines) // LINES)])
    slopes = np.abs(np.diff(lines, axis=1))
    highest, lowest = (f(lines, 2 * REACH, mode="nearest")[:, 1:] for f in (maximum_filter1d, minimum_filter1d))
    heights = highest - lowest
    edges = (slopes == maximum_filter1d(slopes, 5)) & (slopes > 0) & (heights >= visible)
    return np.asarray(heights[edges] / slopes[edges])
