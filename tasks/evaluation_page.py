"""The page of evaluate: scores beside their floors, whether the metrics can be trusted, and nearest training logos."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.inception import Inception
from evaluation.ladder import EXPECTED, Rung, passed
from logoflow.report.page import ClusterPart, Curve, Page, Series, Table
from tasks.rivals import Rival
from tasks.sheets import save_sheet
from tasks.spaces import metric_name, score_name
from tasks.stage import Build

SHOWN = ("frechet", "kernel", "density", "coverage", "closer")
ON_CLUSTER_PAGES = ("generated", "kernel", "coverage", "good", "medium", "poor")
GENERATED, GENERATED_COLUMNS = 24, 6
TITLES = {
    "frechet": "Fréchet distance",
    "kernel": "kernel distance",
    "density": "density",
    "coverage": "coverage",
    "closer": "nearer to the training logos than unseen ones",
}
NO_FID = "These are no FID, KID or PPL, which are measured in other features."


def evaluation_page(
    build: Build,
    scores: dict[str, Any],
    rungs: Sequence[Rung],
    pairs: Sequence[NDArray[np.uint8]],
    generated: Mapping[int, NDArray[np.uint8]],
    others: Sequence[Rival],
) -> Page:
    """Scores by space, by cluster, the self-test of the metrics, and generated logos beside training logos.

    Args:
        build: the stage.
        scores: what was measured.
        rungs: how the metrics do on damaged logos; may be empty.
        pairs: generated logos, each followed by its nearest training logo, `[C, H, W]`.
        generated: logos `[N, C, H, W]` of each cluster that some were asked of; empty where there are no classes.
        others: generators to compare this one with.
    """
    first = scores["spaces"][0]
    sheet = save_sheet(
        build,
        "nearest.png",
        "Generated logos, each beside its nearest training logo",
        [picture.transpose(1, 2, 0) for picture in pairs],
        ["generated", "nearest"] * (len(pairs) // 2),
        f"Nearest in the features of {first}: a generated logo should resemble its neighbour, not repeat it.",
    )
    columns = ("cluster", "real", "generated", "kernel", "coverage")
    rows = tuple(tuple(row[c] for c in columns) for row in scores["clusters"])
    clusters = (Table("By cluster", columns, rows),) if rows else ()
    by_space = [values(scores, space) for space in scores["spaces"]]
    tables = (*by_space, *clusters, *compared(scores, first, others))
    summary = (
        f"Fréchet distance {scores[f'frechet_{first}']:.1f} in the features of {first}; real logos among themselves: "
        f"{scores[f'frechet_floor_{first}']:.1f}."
    )
    parts = tuple(part_of(build, row, generated[row["cluster"]]) for row in scores["clusters"] if generated)
    if not rungs:
        return Page(summary, (sheet,), tables=tables, clusters=parts)
    return Page(summary, (sheet,), curves(rungs), (*tables, self_test(rungs)), clusters=parts)


def part_of(build: Build, row: Mapping[str, Any], generated: NDArray[np.uint8]) -> ClusterPart:
    """A cluster's scores, and logos that were generated for it."""
    number, names = row["cluster"], {"kernel": "kernel distance"}
    facts = tuple((names.get(name, name), row[name]) for name in ON_CLUSTER_PAGES if name in row)
    if not len(generated):
        return ClusterPart(number, facts)
    shown = list(generated[:GENERATED].transpose(0, 2, 3, 1))
    caption = "Not chosen: the first of those that were measured."
    sheet = save_sheet(
        build, f"cluster-{number:02}-generated.png", "Generated", shown, caption=caption, columns=GENERATED_COLUMNS
    )
    return ClusterPart(number, facts, (sheet,))


def values(scores: dict[str, Any], space: str) -> Table:
    """The scores in one space; those whose metric failed its self-test say so."""

    def row(title: str, name: str, floor: str = "_floor") -> tuple[str, float | None, float | None]:
        doubted = " (failed its self-test)" if metric_name(name, space) in scores[f"failed_{space}"] else ""
        return title + doubted, scores[score_name(name, space)], scores.get(score_name(name + floor, space))

    inception = space == Inception.name
    rows = [
        row("FID" if inception else "Fréchet distance", "frechet"),
        row("KID" if inception else "Kernel distance", "kernel"),
        row("Density", "density"),
        row("Coverage", "coverage"),
        row("Precision", "precision"),
        row("Recall", "recall"),
    ]
    if f"in_asked_cluster_real_{space}" in scores:
        rows.append(row("Nearest to the asked cluster", "in_asked_cluster", "_real"))
    if f"path_length_{space}" in scores:
        rows.append(row("Perceptual path length", "path_length"))
    numbers = (
        f"{scores['images']:,} generated logos against all real ones, and {scores['floor_images']:,} real ones against "
        "the others. "
    )
    return Table(
        f"Scores in the features of {space}",
        ("score", "generated", "real against real"),
        tuple(rows),
        caption=numbers + (fid_caption(scores, space) if inception else NO_FID),
    )


def fid_caption(scores: dict[str, Any], space: str) -> str:
    """What to know before FID and KID are set beside others'."""
    deviation = scores[score_name("kernel_deviation", space)]
    return (
        "FID and KID as torch-fidelity measures them: compare FIDs of equal numbers only. "
        f"KID deviates by {deviation:.2g} from subset to subset."
    )


def compared(scores: dict[str, Any], space: str, others: Sequence[Rival]) -> tuple[Table, ...]:
    """This generator beside others of the same training set, where there are any."""
    if not others:
        return ()

    def figures(found: dict[str, Any]) -> tuple[float, ...]:
        return tuple(found[f"{name}_{space}"] for name in ("frechet", "kernel", "density", "coverage"))

    rows: list[tuple[str | float, ...]] = [("this one", "", *figures(scores))]
    rows += [(f"train_gan@{other.fingerprint}", other.differences, *figures(other.scores)) for other in others]
    columns = ("generator", "trained with", "Fréchet distance", "kernel distance", "density", "coverage")
    return (Table("Beside other generators of these logos", columns, tuple(rows), f"In the features of {space}."),)


def curves(rungs: Sequence[Rung]) -> tuple[Curve, ...]:
    """How each metric moves with the damage."""
    found = []
    for metric in SHOWN:
        series = []
        for damage in (damage for damage, metrics in EXPECTED.items() if metric in metrics):
            ladder = [rung for rung in rungs if rung.damage == damage]
            heights = tuple(rung.scores[metric] for rung in ladder)
            series.append(Series(damage, tuple(float(rung.strength) for rung in ladder), heights))
        found.append(Curve(f"Self-test: {TITLES[metric]}", "strength of the damage", TITLES[metric], tuple(series)))
    return tuple(found)


def self_test(rungs: Sequence[Rung]) -> Table:
    """Which metrics noticed which damage to real logos."""
    verdicts = passed(rungs)
    words = {True: "yes", False: "no", None: None}
    return Table(
        "Self-test: is damage noticed, and more of it more?",
        ("metric", *EXPECTED),
        tuple((TITLES[metric], *(words[verdicts[metric].get(damage)] for damage in EXPECTED)) for metric in SHOWN),
        caption="Real logos, damaged in three strengths, are measured against other real logos as generated ones are.",
    )
