"""The page of deduplicate: groups with the picture that stays, how well copies are found, and which are missed."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from data.table import Picture
from logoflow.report.page import Page, Table
from logoflow.report.page import Picture as Shown
from logoflow.store.store import Artifact
from neighbours.calibration import Calibration, Trial
from neighbours.comparison import Tolerance
from tasks.images import load_pictures, shard_of_each
from tasks.sheets import save_sheet
from tasks.stage import Build

GROUPS_SHOWN = 24
IN_A_GROUP = 8
MISSED_SHOWN = 24
SHARES = (1 / 2, 1 / 5, 1 / 20, 1 / 100)  # of the pictures that have a copy, for which the precision is told

Row = dict[str, Any]
"""A row of groups.parquet: a picture that goes, the one that stays in its place, and why."""


def duplicates_page(
    build: Build,
    table: Artifact,
    dropped: Sequence[Row],
    rows: dict[str, Picture],
    trials: Sequence[Trial],
    calibration: Calibration,
    search_recall: float,
) -> Page:
    """Groups of copies, and what is expected of the way they were found.

    Args:
        build: the stage's.
        table: the image table.
        dropped: by the picture that stays.
        rows: of the table, by id.
        trials: copies that were made to calibrate.
        calibration: what they said.
        search_recall: share of the true nearest neighbours that were looked at, 0..1.
    """
    groups = [(kept, list(members)) for kept, members in groupby(dropped, key=lambda row: row["kept"])]
    summary = (
        f"{len(dropped)} copies in {len(groups)} groups are dropped; the best picture of each group stays. "
        f"{in_words(calibration)}"
    )
    if search_recall < 1:
        summary += f" The search looked at {search_recall:.1%} of the true nearest neighbours, by a sample of them."
    pictures = [*group_sheet(build, table, groups), *missed_sheet(build, trials, calibration)]
    tables = [expected_table(calibration), kinds_table(calibration), steps_table(calibration)]
    if dropped:
        tables.insert(0, copies_table(dropped, rows))
    return Page(summary, tuple(pictures), tables=tuple(tables))


def group_sheet(build: Build, table: Artifact, groups: Sequence[tuple[str, list[Row]]]) -> list[Shown]:
    """A row for each of the largest groups: the picture that stays, then its copies."""
    if not groups:
        return []
    where = shard_of_each(table)
    largest = sorted(groups, key=lambda pair: (-len(pair[1]), pair[0]))[:GROUPS_SHOWN]
    places, captions = [], []
    for kept, members in largest:
        places += [kept, *(row["id"] for row in members[: IN_A_GROUP - 1])]
        captions += ["stays", *(f"goes {row['similarity']:.2f}" for row in members[: IN_A_GROUP - 1])]
    images = load_pictures(build.space.store, [(i, where[i]) for i in places])
    caption = (
        "Each group begins with the picture that stays. The number is the cosine similarity of the vectors; every pair "
        "was compared by its pixels as well."
    )
    return [save_sheet(build, "duplicates.png", "Groups of copies, the largest first", images, captions, caption)]


def missed_sheet(build: Build, trials: Sequence[Trial], calibration: Calibration) -> list[Shown]:
    """Made copies that were not found, and recoloured logos that were taken for copies."""
    missed = [trials[n] for n in calibration.missed][:MISSED_SHOWN]
    if not missed:
        return []
    images = [trial.pixels for trial in missed]
    captions = [trial.kind for trial in missed]
    caption = "Made copies that were not found; what is called recoloured is no copy and was taken for one."
    return [save_sheet(build, "missed.png", "What the calibration got wrong", images, captions, caption)]


def copies_table(dropped: Sequence[Row], rows: dict[str, Picture]) -> Table:
    """What goes, what stays in its place, and why."""
    return Table(
        "Copies",
        ("goes", "from", "stays", "from ", "similarity", "why"),
        tuple(
            (
                rows[row["id"]].origins[0].name, rows[row["id"]].origins[0].source,
                rows[row["kept"]].origins[0].name, rows[row["kept"]].origins[0].source,
                round(row["similarity"], 3), row["reason"],
            )
            for row in dropped[:200]
        ),
        caption="The first two hundred; all are in groups.parquet.",
    )  # fmt: skip


def kinds_table(calibration: Calibration) -> Table:
    """How many copies of each kind are found."""
    return Table(
        "Made copies by kind",
        ("kind", "taken for a copy"),
        tuple((kind, f"{share:.1%}") for kind, share in calibration.found.items()),
        caption="A copy of each kind was made of some of the run's logos, of those that chose the thresholds and of "
        "others; copies of at least 32 px count. A cosine of "
        f"at least {calibration.similarity:.3f} makes a pair a candidate. Recoloured logos are other logos: none "
        "should be taken for a copy.",
    )


def in_words(calibration: Calibration) -> str:
    """What to expect, in a sentence."""
    expected, logos = calibration.expected, calibration.held_out
    measured = f"{logos} logos by which nothing was chosen" if logos else "the one logo that chose the thresholds, too"
    return (
        f"Of copies made of {measured}, {expected.recall:.1%} are found, and {expected.precision:.1%} of what is found "
        f"is right."
    )


def expected_table(calibration: Calibration) -> Table:
    """Precision by how common copies are."""
    expected = calibration.expected
    rows = [("as many copies as were made", f"{expected.precision:.2%}")]
    rows += [
        (f"one picture in {round(1 / share)} has a copy", f"{expected.precision_among(share):.2%}") for share in SHARES
    ]
    return Table(
        "Expected precision",
        ("if", "share of the pairs found that is right"),
        tuple(rows),
        caption=f"Measured on {expected.trials} pictures made of {calibration.held_out or 1} logos: of the pairs found "
        f"{expected.right} are right, {expected.wrong} wrong, and {expected.doubtful} doubtful: a copy and another "
        "logo that passes for a copy of the first one itself. Doubtful pairs are left out; were all of them wrong, the "
        f"first line would be {expected.least_precision:.2%}.",
    )


def steps_table(calibration: Calibration) -> Table:
    """What stricter and looser comparisons of pixels would give."""
    return Table(
        "Tolerance",
        ("times the usual", "precision", "recall", "doubtful pairs"),
        tuple((step.scale, f"{step.precision:.2%}", f"{step.recall:.2%}", step.doubtful) for step in calibration.steps),
        caption="How much the pixels of two copies may differ, on the half of the logos that chose it. Chosen: "
        f"{calibration.expected.scale} times the usual, which is {Tolerance().colour} in colour and "
        f"{Tolerance().edges} in edges.",
    )
