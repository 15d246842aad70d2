"""What may enter the image table, and the closed list of reasons why something does not."""

from dataclasses import dataclass
from enum import StrEnum

# Encoded bytes of one image that are read at most: an uncompressed picture of Limits.max_pixels still fits.
MAX_ENCODED_BYTES = 256 * 2**20

# No picture has more, whatever the configuration says.
HARD_MAX_PIXELS = 100_000_000


class Reason(StrEnum):
    """Why an image was turned away; the closed list that the quarantine table and the funnel use."""

    unreadable = "unreadable"
    truncated = "truncated"
    too_small = "too_small"
    too_large = "too_large"
    bomb = "bomb"
    blank = "blank"
    unsupported = "unsupported"
    path_escape = "path_escape"


class Rejected(ValueError):
    """An image that does not enter the table.

    Attributes:
        reason: one of the closed list.
        detail: what was found, for people; one line that depends on the image alone.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type["Rejected"], tuple[Reason, str]]:
        """Let it come from another process; by itself an exception is made anew from its message alone."""
        return Rejected, (self.reason, self.detail)


@dataclass(frozen=True)
class Limits:
    """Sizes that a picture may have, checked on its header before a pixel is decoded.

    Attributes:
        min_side: the shorter side is at least this many px.
        max_side: the longer side is at most this many px.
        max_pixels: width times height is at most this; more is called a bomb. At most 100 million.
    """

    min_side: int = 16
    max_side: int = 10_000
    max_pixels: int = 50_000_000

    def __post_init__(self) -> None:
        """Refuse limits that nothing could satisfy or that memory could not."""
        if not 1 <= self.min_side <= self.max_side:
            raise ValueError(
                f"min_side is {self.min_side}, but must lie between 1 and max_side ({self.max_side}): change either."
            )
        if not self.min_side**2 <= self.max_pixels <= HARD_MAX_PIXELS:
            raise ValueError(
                f"max_pixels is {self.max_pixels}, but must lie between min_side squared and {HARD_MAX_PIXELS}: "
                "choose one there."
            )

    def check(self, width: int, height: int) -> None:
        """Raise Rejected when a picture of this size is outside the limits."""
        size = f"{width} x {height} px"
        if width * height > self.max_pixels:
            raise Rejected(Reason.bomb, f"{size}, more than {self.max_pixels} pixels")
        if max(width, height) > self.max_side:
            raise Rejected(Reason.too_large, f"{size}, a side is longer than {self.max_side} px")
        if min(width, height) < self.min_side:
            raise Rejected(Reason.too_small, f"{size}, a side is shorter than {self.min_side} px")


# For bytes that were admitted once already, under whatever limits that run had.
ADMITTED = Limits(min_side=1, max_side=HARD_MAX_PIXELS, max_pixels=HARD_MAX_PIXELS)
