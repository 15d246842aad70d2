"""`logoflow generate` and `logoflow grid`: pictures by seed, cluster or saved w."""

from pydantic import Field

from logoflow.cli.synthesis.command import command
from logoflow.cli.synthesis.drawing import Drawing
from logoflow.cli.synthesis.opened import Opened, asked_pictures, seeded_pictures
from logoflow.cli.synthesis.request import PictureRequest, Request
from logoflow.cli.synthesis.words import cluster_name, clusters, numbers


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
    pictures = list(opened.draw(request, asked))
    columns = min(request.columns, len(pictures))
    return Drawing(pictures, asked.names, columns, asked, captions=True, fps=2)


@command(GridRequest, out="grid.png")
def grid(opened: Opened, request: GridRequest) -> Drawing:
    """Draw a row for each cluster: the same seeds in all of them."""
    seeds, known = numbers(request.seeds, "--seeds"), opened.network.settings.classes
    rows = clusters(request.cluster, known) if known else [[]]
    mixes = [",".join(f"{label}:{weight}" for label, weight in enumerate(row)) for row in rows]
    parts = [seeded_pictures(opened, request, seeds, [mix] if known else []) for mix in mixes]
    asked = sum(parts[1:], parts[0])
    heads, sides = [f"seed {seed}" for seed in seeds], [cluster_name(row) if known else "" for row in rows]
    pictures = list(opened.draw(request, asked))
    return Drawing(pictures, asked.names, len(seeds), asked, heads=heads, sides=sides, together=True, fps=2)
