"""`logoflow directions`: ways to change a picture that nobody had to name, found by two methods."""

from typing import Literal

from pydantic import Field

from logoflow.cli.synthesis.asked import asked_pictures, drawn
from logoflow.cli.synthesis.drawing import Asked, Drawing
from logoflow.cli.synthesis.opened import Opened
from logoflow.cli.synthesis.options import command
from logoflow.cli.synthesis.request import PictureRequest
from logoflow.cli.synthesis.words import layers
from logoflow.errors import UserError


class DirectionsRequest(PictureRequest):
    """Strips along directions of w."""

    method: Literal["pca", "sefa"] = Field(
        "pca", description="pca: where w varies most. sefa: what the style layers amplify most."
    )
    count: int = Field(6, ge=1, description="Directions, the strongest first.")
    reach: float = Field(3.0, gt=0, description="How far to go to both sides, in standard deviations of w.")
    steps: int = Field(7, ge=2, description="Pictures along a direction; an odd number has the picture itself.")
    layers: str = Field("all", description="That move; with sefa, that are factorised: coarse, middle, fine, 4-7.")


@command(DirectionsRequest, out="directions.png")
def directions(opened: Opened, request: DirectionsRequest) -> Drawing:
    """Find directions in which pictures change, and show a strip along each."""
    from stylegan2.directions import factorised_directions, moved, principal_directions

    settings = opened.network.settings
    chosen = layers(request.layers, settings)
    if not chosen or request.count > settings.w_dim:
        raise UserError(f"name at least one layer, and at most {settings.w_dim} directions: w has no more.")
    asked = asked_pictures(opened, request, "0")
    found = (
        principal_directions(opened.network, request.count)
        if request.method == "pca"
        else factorised_directions(opened.network, request.count, chosen)
    )
    ws = moved(asked.ws, found, request.reach, request.steps, chosen)
    places = [-request.reach + 2 * request.reach * step / (request.steps - 1) for step in range(request.steps)]
    ranks = [f"{request.method} {rank}: {share:.0%}" for rank, share in enumerate(found.shares.tolist())]
    sides = [f"{name}\n{rank}" for name in asked.names for rank in ranks]
    names = [f"{side}, {place:+.2g}".replace("\n", ", ") for side in sides for place in places]
    each = request.count * request.steps
    weights = None if asked.weights is None else asked.weights.repeat_interleave(each, dim=0)
    along = Asked(ws.flatten(0, 2), weights, [seed for seed in asked.seeds for _ in range(each)], names)
    heads = [f"{place:+.2g} sd" if round(place, 6) else "as it is" for place in places]
    note = f"Percent: of {'the variance of w within clusters' if request.method == 'pca' else 'what styles vary by'}."
    pictures = list(drawn(opened, request, along))
    return Drawing(pictures, names, request.steps, along, heads=heads, sides=sides, together=True, fps=8, note=note)
