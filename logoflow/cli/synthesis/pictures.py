"""`logoflow generate` and `logoflow grid`: pictures by seed, cluster or saved w."""

from pydantic import Field

from logoflow.cli.synthesis.asked import asked_pictures, drawn, seeded_pictures
from logoflow.cli.synthesis.drawing import Drawing
from logoflow.cli.synthesis.opened import Opened
from logoflow.cli.synthesis.options import command
from logoflow.cli.synthesis.request import PictureRequest, Request
from logoflow.cli.synthesis.words import cluster_name, numbers


class GenerateRequest(PictureRequest):
    """Pictures, each by itself."""

    columns: int = Field(8, ge=1, description="Pictures in a row of a sheet.")


class GridRequest(Request):
    """The same seeds in each cluster."""

    seeds: str = Field("0-7", description="Such as 3 or 0-7,12.")
    cluster: list[str] = Field(
        [], description="Such as 2 or 0-3, a row for each; a mix is 2:0.7,5:0.3. May be repeated. Left out: all."
    )


@command(GenerateRequest, out="generate.png")
def generate(opened: Opened, request: GenerateRequest) -> Drawing:
    """Draw pictures by seed, by cluster or mix of clusters, or from saved w."""
    asked = asked_pictures(opened, request, "0-15")
    pictures = list(drawn(opened, request, asked))
    columns = min(request.columns, len(pictures))
    return Drawing(pictures, asked.names, columns, asked, captions=asked.names, fps=2)


@command(GridRequest, out="grid.png")
def grid(opened: Opened, request: GridRequest) -> Drawing:
    """Draw a row for each cluster: the same seeds in all of them."""
    seeds, mixes = numbers(request.seeds, "--seeds"), opened.clusters(request.cluster)
    parts = [seeded_pictures(opened, request, seeds, [mix]) for mix in mixes]
    parts = parts or [seeded_pictures(opened, request, seeds, [])]
    asked = sum(parts[1:], parts[0])
    heads, sides = [f"seed {seed}" for seed in seeds], [cluster_name(mix) for mix in mixes] or None
    pictures = list(drawn(opened, request, asked))
    return Drawing(pictures, asked.names, len(seeds), asked, heads=heads, sides=sides, together=True, fps=2)
