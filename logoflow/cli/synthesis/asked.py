"""The pictures that are asked for: by seeds, from saved w, or from an earlier output."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from logoflow.cli.synthesis.command import COMMANDS
from logoflow.cli.synthesis.drawing import Asked
from logoflow.cli.synthesis.opened import Opened
from logoflow.cli.synthesis.record import read_record, request_of
from logoflow.cli.synthesis.request import TRUNCATION, PictureRequest, Request
from logoflow.cli.synthesis.words import cluster_name, is_saved, noises, numbers, split_picks
from logoflow.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


def asked_pictures(opened: Opened, request: PictureRequest, seeds: str, psi: float | None = None) -> Asked:
    """The pictures of a request.

    Args:
        opened: the generator.
        request: what is asked.
        seeds: those that are taken where neither seeds nor w are named.
        psi: truncation in place of the request's.
    """
    sources = [text for text in (request.w, request.seeds) if text is not None] or [seeds]
    parts = [
        saved_pictures(opened, request, text, request.cluster, psi)
        if text is request.w
        else named_seeds(opened, request, numbers(text, "--seeds"), request.cluster, psi)
        for text in sources
    ]
    if request.cluster and request.seeds is None and request.w is not None and keeps_clusters(opened, request.w):
        raise UserError(f"{request.w} has clusters of its own: leave --cluster out, or name --seeds beside it.")
    return sum(parts[1:], parts[0])


def seeds_or_saved(opened: Opened, request: Request, text: str, named: Sequence[str]) -> Asked:
    """The pictures of a text that is either seeds or a file of saved w."""
    if is_saved(text):
        return saved_pictures(opened, request, text, named)
    return named_seeds(opened, request, numbers(text, "seeds"), named)


def keeps_clusters(opened: Opened, text: str) -> bool:
    """Whether clusters were saved with w."""
    from stylegan2.saved import load_w

    path = Path(split_picks(text)[0])
    return path.suffix == ".json" or load_w(path, opened.network.settings)[1] is not None


def named_seeds(
    opened: Opened, request: Request, seeds: list[int], named: Sequence[str], psi: float | None = None
) -> Asked:
    """The pictures of seeds, in the named clusters in turn; where none is named, each seed has one of its own."""
    return seeded_pictures(opened, request, seeds, opened.clusters(named), psi, None if named else seeds)


def seeded_pictures(
    opened: Opened,
    request: Request,
    seeds: list[int],
    mixes: list[list[float]],
    psi: float | None = None,
    turns: Sequence[int] | None = None,
) -> Asked:
    """The pictures of seeds.

    Args:
        opened: the generator.
        request: what is asked.
        seeds: of the pictures.
        mixes: clusters or mixes of them, as `clusters` gives them.
        psi: truncation in place of the request's.
        turns: which of the mixes each picture has, counted round and round; left out: one after the other.
    """
    from stylegan2.sampling import mapped

    weights = weights_in_turn(opened, mixes, range(len(seeds)) if turns is None else turns)
    psi = psi if psi is not None else TRUNCATION if request.truncation is None else request.truncation
    ws = mapped(opened.network, seeds, weights, psi, request.centre, request.truncated_layers)
    kinds = [""] * len(seeds) if weights is None else [f", {cluster_name(row)}" for row in weights.tolist()]
    return Asked(ws, weights, seeds, [f"seed {seed}{kind}" for seed, kind in zip(seeds, kinds, strict=True)])


def saved_pictures(
    opened: Opened, request: Request, text: str, named: Sequence[str], psi: float | None = None
) -> Asked:
    """The pictures of a file, or some of them; `FILE@2-4`.

    They have the clusters that were saved with them; else the named ones in turn, or evenly all.
    """
    name, picks = split_picks(text) if is_saved(text) else (text, None)
    path = Path(name)
    asked = redrawn(path, opened) if path.suffix == ".json" else read_w(opened, path, named)
    if picks is not None:
        chosen = numbers(picks, "the pictures after @")
        if not all(0 <= place < len(asked.names) for place in chosen):
            raise UserError(f"{name} has pictures 0 to {len(asked.names) - 1}: {picks!r} names others.")
        weights = None if asked.weights is None else asked.weights[chosen]
        seeds, names = ([values[place] for place in chosen] for values in (asked.seeds, asked.names))
        asked = Asked(asked.ws[chosen], weights, seeds, names)  # type: ignore[arg-type]
    psi = psi if psi is not None else request.truncation
    if psi is None:
        return asked
    ws = opened.network.truncate(asked.ws, psi, asked.weights, request.centre, request.truncated_layers)
    return Asked(ws, asked.weights, asked.seeds, asked.names)


def redrawn(path: Path, opened: Opened) -> Asked:
    """The pictures of an earlier output.

    Raises:
        UserError: it was made by another generator.
    """
    record = read_record(path)
    if record.generator["sha256"] != opened.sha256:
        raise UserError(f"{path} was made by another generator: add --generator {record.generator['path']}.")
    out = Path(record.request["out"]).name  # nothing is written: its folder need not be there
    return COMMANDS[record.command].draw(opened, request_of(record, out=out)).asked


def read_w(opened: Opened, path: Path, named: Sequence[str]) -> Asked:
    """All of a file of w."""
    import torch

    from stylegan2.saved import load_w

    try:
        ws, weights = load_w(path, opened.network.settings)
    except ValueError as error:
        raise UserError(str(error)) from error
    known, device = opened.network.settings.classes, opened.network.w_avg.device
    if weights is None and named:
        weights = weights_in_turn(opened, opened.clusters(named), range(len(ws)))
    elif known and weights is None:
        weights = torch.full((len(ws), known), 1 / known)
    weights = None if weights is None else weights.to(device)
    return Asked(ws.to(device), weights, list(range(len(ws))), [f"{path.stem} {place}" for place in range(len(ws))])


def weights_in_turn(opened: Opened, mixes: list[list[float]], turns: Sequence[int]) -> "Tensor | None":
    """Weights of the clusters `[N, K]`, of the mixes whose turn it is; None for a generator without any."""
    import torch

    if not mixes:
        return None
    return torch.tensor([mixes[turn % len(mixes)] for turn in turns]).to(opened.network.w_avg)


def drawn(opened: Opened, request: Request, asked: Asked) -> "NDArray[np.uint8]":
    """The pictures, with the noise that was asked for: uint8 `[N, C, H, W]`."""
    from stylegan2.sampling import render

    return render(opened.network, asked.ws, noises(request.noise, opened.network.settings), asked.seeds)
