"""`logoflow noise` and `logoflow layers`: what a picture is made of."""

from typing import TYPE_CHECKING

from pydantic import Field

from logoflow.cli.synthesis.asked import asked_pictures
from logoflow.cli.synthesis.drawing import Drawing
from logoflow.cli.synthesis.opened import Opened
from logoflow.cli.synthesis.options import command
from logoflow.cli.synthesis.request import PictureRequest
from logoflow.cli.synthesis.words import named_span, noises

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

UNSEEN = 0.05  # shades
DETAIL = 4  # a detail has so many times less width and height than the picture


class NoiseRequest(PictureRequest):
    """Noise by groups of layers."""

    draws: int = Field(32, ge=2, description="Draws of noise that the standard deviation is taken over.")


class LayersRequest(PictureRequest):
    """A picture as a sum."""


@command(NoiseRequest, out="noise.png")
def noise(opened: Opened, request: NoiseRequest) -> Drawing:
    """Show what noise does: without, in each group of layers alone, in all; with a detail, and where it changes most.

    --noise says which noise is looked at: const, or random.
    """
    from stylegan2.anatomy import noise_deviation
    from stylegan2.groups import layer_groups
    from stylegan2.sampling import render

    settings = opened.network.settings
    asked = asked_pictures(opened, request, "0-1")
    every, groups = noises(request.noise, settings), layer_groups(settings)
    alone = [
        [mode if layer in chosen else "none" for layer, mode in enumerate(every)]
        for chosen in (range(0), *groups.values(), range(settings.layers))
    ]
    drawn = [render(opened.network, asked.ws, modes, asked.seeds) for modes in alone]  # columns of [N, C, H, W]
    deviation = noise_deviation(opened.network, asked.ws, request.draws).cpu().numpy() * 127.5  # shades, [N, H, W]

    heads = ["none", *(f"{name} ({named_span(chosen)})" for name, chosen in groups.items()), "all", "deviation"]
    pictures, names, sides = [], [], []
    for place, name in enumerate(asked.names):
        row = [column[place] for column in drawn]
        row.append(as_shades(deviation[place], row[0]))
        window = most_changed(deviation[place])
        pictures += [*row, *(magnified(picture, window) for picture in row)]
        names += [f"{name}, {kind}{head}" for kind in ("", "detail, ") for head in heads]
        sides += [f"{name}\n\n{strength(deviation[place])}", "detail of it"]
    note = (
        "The noise of this generator has no strength: nothing changes."
        if deviation.max() < UNSEEN
        else "Coarse to fine: noise in these layers only. Deviation: of each pixel, over "
        f"{request.draws} draws of noise, {deviation.mean():.1f} of 255 shades on average."
    )
    return Drawing(pictures, names, len(heads), asked, heads=heads, sides=sides, together=True, fps=2, note=note)


def strength(deviation: "NDArray[np.floating]") -> str:
    """What black means in a picture of a deviation in shades."""
    most = float(deviation.max())
    return "noise changes nothing" if most < UNSEEN else f"deviation: black is\n{most:.1f} of 255"


def as_shades(deviation: "NDArray[np.floating]", like: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
    """`[H, W]` as a picture with the channels of `like`: white where nothing changes, black where most does."""
    import numpy as np

    gray = np.round(255 * (1 - deviation / max(float(deviation.max()), 1e-9))).astype(np.uint8)
    picture = np.repeat(gray[None], len(like), axis=0)
    if len(like) == 4:
        picture[3] = 255
    return picture


def most_changed(deviation: "NDArray[np.floating]") -> tuple[slice, slice]:
    """The window of a detail's size in which noise changes most; the middle where it changes nothing."""
    import numpy as np

    height, width = (max(1, side // DETAIL) for side in deviation.shape)
    windows = np.lib.stride_tricks.sliding_window_view(deviation, (height, width)).mean(axis=(2, 3))
    middle = windows.shape[0] // 2, windows.shape[1] // 2
    top, left = np.unravel_index(windows.argmax(), windows.shape) if deviation.max() >= UNSEEN else middle
    return slice(int(top), int(top) + height), slice(int(left), int(left) + width)


def magnified(picture: "NDArray[np.uint8]", window: tuple[slice, slice]) -> "NDArray[np.uint8]":
    """A window of a picture `[C, H, W]` at the size of the whole."""
    import numpy as np

    height, width = picture.shape[1:]
    rows = window[0].start + np.arange(height) * (window[0].stop - window[0].start) // height
    columns = window[1].start + np.arange(width) * (window[1].stop - window[1].start) // width
    return picture[:, rows][:, :, columns]


@command(LayersRequest, out="layers.png")
def layers(opened: Opened, request: LayersRequest) -> Drawing:
    """Show a picture as the sum of what the layers of each size add to it, and that sum as it grows.

    An addend is shown about middle gray, as strong as fits; its caption is how far from gray it really goes.
    """
    from stylegan2.anatomy import contributions
    from stylegan2.grids import to_uint8
    from stylegan2.groups import layers_of_size

    settings = opened.network.settings
    asked = asked_pictures(opened, request, "0-2")
    addends = contributions(opened.network, asked.ws, noises(request.noise, settings), asked.seeds)
    strengths = addends.abs().amax(dim=(2, 3, 4))  # [sizes, N]
    shown = to_uint8((addends / strengths.clamp(min=1e-9)[:, :, None, None, None]).flatten(0, 1))
    shown = shown.reshape(addends.shape)
    if settings.channels == 4:
        shown[:, :, 3] = 255
    sums = to_uint8(addends.cumsum(dim=0).flatten(0, 1)).reshape(addends.shape)

    sizes = [f"{width} x {height}" for height, width in settings.sizes]
    pictures: list[NDArray[np.uint8]] = []
    captions: list[str] = []
    for place in range(len(asked.names)):
        pictures += [*shown[:, place], *sums[:, place]]
        captions += [f"gray ± {127.5 * strength:.0f}" for strength in strengths[:, place].tolist()]
        captions += [""] * len(sizes)
    names = [f"{name}, {kind} {size}" for name in asked.names for kind in ("added", "up to") for size in sizes]
    sides = [side for name in asked.names for side in (f"{name}\n\nadded", "so far")]
    heads = [f"{size} ({named_span(layers_of_size(settings, level))})" for level, size in enumerate(sizes)]
    return Drawing(
        pictures, names, len(sizes), asked, captions=captions, heads=heads, sides=sides, together=True, fps=2
    )
