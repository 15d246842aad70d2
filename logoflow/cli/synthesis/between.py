"""`logoflow interpolate`, `mix` and `truncate`: what lies between pictures, and between a picture and the average."""

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import Field, model_validator

from logoflow.cli.synthesis.asked import asked_pictures, drawn, seeds_or_saved
from logoflow.cli.synthesis.drawing import Asked, Drawing
from logoflow.cli.synthesis.opened import Opened
from logoflow.cli.synthesis.options import command
from logoflow.cli.synthesis.request import TRUNCATION, PictureRequest, Request
from logoflow.cli.synthesis.words import layers
from logoflow.errors import UserError

SHEET_STEPS, FILM_STEPS = 8, 30


class InterpolateRequest(PictureRequest):
    """A way through keyframes."""

    space: Literal["w", "z"] = Field("w", description="w, or z, where every picture on the way is a typical one.")
    curve: Literal["linear", "spherical"] | None = Field(
        None, description="Straight lines, or great circles; left out: linear in w, spherical in z."
    )
    steps: int | None = Field(
        None,
        ge=1,
        description=f"From a keyframe to the next; left out: {SHEET_STEPS}, in a film or folder {FILM_STEPS}.",
    )
    loop: bool = Field(False, description="Go on from the last keyframe to the first.")


class MixRequest(Request):
    """Styles of two pictures."""

    rows: str = Field("0-3", description="Seeds, or saved w as FILE or FILE@0,2: pictures that keep the other layers.")
    columns: str = Field("10-15", description="Seeds, or saved w: pictures that give --layers.")
    layers: str = Field("middle,fine", description="What columns give: coarse, middle, fine, all, or indices as 4-7.")
    cluster: list[str] = Field([], description="Of the rows, in turn; a mix is 2:0.7,5:0.3. Left out: each seed's own.")
    column_cluster: list[str] = Field([], description="Of the columns; left out: as --cluster.")


class TruncateRequest(PictureRequest):
    """A sweep of truncation."""

    start: float = Field(0.0, ge=-3, le=3, description="Truncation of the first column; 0 is the average.")
    end: float = Field(1.25, ge=-3, le=3, description="Truncation of the last column; 1 is full variety.")
    steps: int | None = Field(None, ge=2, description=f"Columns; left out: 6, in a film {FILM_STEPS}.")

    @model_validator(mode="after")
    def _sweeps(self) -> Self:
        if self.truncation is not None:
            raise ValueError("truncate goes through truncations: leave --truncation out, and give --start and --end.")
        return self


@command(InterpolateRequest, out="interpolate.webp", moving=True)
def interpolate(opened: Opened, request: InterpolateRequest) -> Drawing:
    """Go from picture to picture: a film, or a sheet with a row from each keyframe to the next.

    Keyframes may be seeds of one cluster, of several, or saved w.
    """
    keys = asked_pictures(opened, request, "0-3")
    if len(keys.names) < 2:
        raise UserError("there is one picture, and nothing between it and itself: name two seeds or more.")
    is_sheet = request.out.suffix.lower() == ".png"
    steps = request.steps or (SHEET_STEPS if is_sheet else FILM_STEPS)
    way = way_through(opened, request, keys, steps)
    pictures = list(drawn(opened, request, way))
    if not is_sheet:
        return Drawing(pictures, way.names, len(pictures), way)
    legs = [(leg, (leg + 1) % len(keys.names)) for leg in range(len(keys.names) - (not request.loop))]
    places = [(leg * steps + step) % len(pictures) for leg, _ in legs for step in range(steps + 1)]
    sides = [f"{keys.names[first]}\nto {keys.names[last]}" for first, last in legs]
    return Drawing([pictures[at] for at in places], [way.names[at] for at in places], steps + 1, way, sides=sides)


def way_through(opened: Opened, request: InterpolateRequest, keys: Asked, steps: int) -> Asked:
    """The w on the way through keyframes; noise stays that of the first, so that it does not flicker."""
    from stylegan2.walks import walk, walk_in_w, walk_in_z

    if request.space == "w":
        ws = walk_in_w(opened.network, keys.ws, steps, request.curve or "linear", request.loop)
    elif request.w is not None:
        raise UserError("saved w have no z to go through: leave --space z out, or name seeds only.")
    else:
        psi = TRUNCATION if request.truncation is None else request.truncation
        bend, drawn_towards = request.curve or "spherical", (psi, request.centre, request.truncated_layers)
        ws = walk_in_z(opened.network, keys.seeds, keys.weights, steps, bend, request.loop, *drawn_towards)
    weights = None if keys.weights is None else walk(keys.weights, steps, "linear", request.loop)
    names = [name_on_the_way(keys.names, place, steps) for place in range(len(ws))]
    return Asked(ws, weights, [keys.seeds[0]] * len(ws), names)


def name_on_the_way(keys: Sequence[str], place: int, steps: int) -> str:
    """What a picture of a way is called: its keyframe, or the two that it lies between."""
    leg, step = divmod(place, steps)
    return f"{keys[leg]} to {keys[(leg + 1) % len(keys)]}, {step} of {steps}" if step else keys[leg]


@command(MixRequest, out="mix.png")
def mix(opened: Opened, request: MixRequest) -> Drawing:
    """Mix styles: each row's picture takes some layers from each column's."""
    import numpy as np

    from stylegan2.mixing import mixed

    rows = seeds_or_saved(opened, request, request.rows, request.cluster)
    columns = seeds_or_saved(opened, request, request.columns, request.column_cluster or request.cluster)
    given = layers(request.layers, opened.network.settings)
    ws = mixed(rows.ws, columns.ws, given).flatten(0, 1)
    names = [f"{row} with {column}" for row in rows.names for column in columns.names]
    weights = None if rows.weights is None else rows.weights.repeat_interleave(len(columns.names), dim=0)
    asked = Asked(ws, weights, [seed for seed in rows.seeds for _ in columns.names], names)

    heads, sides, mixtures = (list(drawn(opened, request, each)) for each in (columns, rows, asked))
    table, titles = [np.full_like(heads[0], 255), *heads], ["", *columns.names]
    for row, side in enumerate(sides):
        here = slice(row * len(heads), (row + 1) * len(heads))
        table += [side, *mixtures[here]]
        titles += [rows.names[row], *names[here]]
    note = f"Layers {', '.join(map(str, given)) or 'none'} come from the columns, the others from the rows."
    return Drawing(
        table,
        titles,
        len(heads) + 1,
        asked,
        heads=[f"{request.layers}:", *columns.names],
        sides=["", *rows.names],
        together=True,
        fps=2,
        note=note,
    )


@command(TruncateRequest, out="truncate.png")
def truncate(opened: Opened, request: TruncateRequest) -> Drawing:
    """Sweep truncation: from the average of the cluster, or of all, to full variety and beyond."""
    import numpy as np
    import torch

    whole = asked_pictures(opened, request, "0-3", psi=1.0)
    count = request.steps or (FILM_STEPS if request.is_film else 6)
    psis = np.linspace(request.start, request.end, count).tolist()
    truncated = [
        opened.network.truncate(whole.ws, psi, whole.weights, request.centre, request.truncated_layers) for psi in psis
    ]
    names = [f"{name}, psi {psi:.3g}" for name in whole.names for psi in psis]
    weights = None if whole.weights is None else whole.weights.repeat_interleave(count, dim=0)
    ws = torch.stack(truncated, dim=1).flatten(0, 1)
    asked = Asked(ws, weights, [seed for seed in whole.seeds for _ in psis], names)
    heads = [f"psi {psi:.3g}" for psi in psis]
    return Drawing(
        list(drawn(opened, request, asked)), names, count, asked, heads=heads, sides=whole.names, together=True
    )
