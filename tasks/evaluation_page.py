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

BY_CLUSTER = {
    "cluster": "cluster",
    "real": "real",
    "generated": "generated",
    "frechet": "Fréchet",
    "frechet_floor": "of real",
    "kernel": "kernel",
    "kernel_deviation": "±",
    "density": "density",
    "coverage": "coverage",
    "coverage_floor": "at best",
    "precision": "precision",
    "recall": "recall",
    "in_asked_cluster": "as asked",
    "in_asked_cluster_real": "of real",
}
ON_CLUSTER_PAGES = ("generated", "frechet", "kernel", "density", "coverage", "in_asked_cluster")
GENERATED, GENERATED_COLUMNS = 24, 6
TITLES = {
    "frechet": "Fréchet distance",
    "kernel": "kernel distance",
    "density": "density",
    "coverage": "coverage",
    "precision": "precision",
    "recall": "recall",
    "closer": "nearer to training logos than those to one another",
    "in_asked_cluster": "nearest to the asked cluster",
    "path_length": "perceptual path length",
}
UNTESTED = "No metric was tested on damaged logos: evaluate.ladder is 0, or there are too few."
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
    rows = tuple(tuple(short(row.get(column)) for column in BY_CLUSTER) for row in scores["clusters"])
    caption = f"In the features of {first}. Distances of few logos are large even between real ones: read them beside."
    clusters = (Table("By cluster", tuple(BY_CLUSTER.values()), rows, caption),) if rows else ()
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
    number = row["cluster"]
    facts = tuple((title, short(row.get(name))) for name, title in BY_CLUSTER.items() if name in ON_CLUSTER_PAGES)
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

    def row(name: str) -> tuple[str, float | None, float | None]:
        called = metric_name(name, space)
        title = called.upper() if called in ("fid", "kid") else TITLES[name][0].upper() + TITLES[name][1:]
        doubt = " (failed its self-test)" if called in scores[f"failed_{space}"] else ""
        real = score_name(name + ("_real" if name == "in_asked_cluster" else "_floor"), space)
        return title + doubt, short(scores[score_name(name, space)], 4), short(scores.get(real), 4)

    inception = space == Inception.name
    caption = (
        f"{scores['images']:,} generated logos against all real ones, and {scores['floor_images']:,} real ones against "
        f"the others. {fid_caption(scores, space) if inception else NO_FID}"
    )
    return Table(
        f"Scores in the features of {space}",
        ("score", "generated", "real against real"),
        tuple(row(name) for name in TITLES if score_name(name, space) in scores),
        caption if scores[f"tested_{space}"] else f"{caption} {UNTESTED}",
    )


def short(value: float | None, digits: int = 3) -> float | None:
    """A figure with so many digits that count; whole numbers as they are."""
    return float(f"{value:.{digits}g}") if isinstance(value, float) else value


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
    for metric in passed(rungs):
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
        tuple(
            (TITLES[metric], *(words[found.get(damage)] for damage in EXPECTED)) for metric, found in verdicts.items()
        ),
        caption="Real logos, damaged in three strengths, are measured against other real logos as generated ones are.",
    )
