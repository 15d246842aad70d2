"""What stages leave and what a report is made of."""

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logoflow.report.model import Departure, Funnel, Portion
from logoflow.report.page import ClusterPart, Curve, Page, Picture, Series, Table, read_page, write_page

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.floats(allow_nan=False)
cells = (
    st.none()
    | text
    | st.sampled_from(["NaN", "1", "1.0"])
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
)
series = st.lists(st.tuples(numbers, numbers), max_size=5).map(
    lambda points: Series("line", tuple(x for x, _ in points), tuple(y for _, y in points))
)
built_pages = st.builds(
    Page,
    text,
    st.lists(st.builds(Picture, text, text, text, text), max_size=2).map(tuple),
    st.lists(st.builds(Curve, text, text, text, st.tuples(series), st.booleans()), max_size=2).map(tuple),
    st.lists(
        st.builds(Table, text, st.tuples(text, text), st.lists(st.tuples(cells, cells)).map(tuple)), max_size=2
    ).map(tuple),
    st.none(),
    st.lists(
        st.builds(ClusterPart, st.integers(0, 99), st.lists(st.tuples(text, cells), max_size=2).map(tuple)), max_size=2
    ).map(tuple),
)


@settings(max_examples=50)
@given(page=built_pages)
def test_a_page_reads_back_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, page: Page) -> None:
    folder = tmp_path_factory.mktemp("stage")
    write_page(page, folder)
    assert read_page(folder) == page


def test_a_gap_in_a_curve_survives_json(tmp_path: Path) -> None:
    gap = Series("loss", (0.0, 1.0, 2.0), (math.nan, math.inf, 0.5))
    write_page(Page("", curves=(Curve("Loss", "x", "y", (gap,)),)), tmp_path)
    assert "NaN," not in (tmp_path / "page.json").read_text(), "JSON has no NaN"
    assert [str(y) for y in read_page(tmp_path).curves[0].series[0].y] == ["nan", "inf", "0.5"]


def test_a_file_that_holds_no_page_is_named_with_the_place(tmp_path: Path) -> None:
    (tmp_path / "page.json").write_text('{"summary": "", "pictures": [{"file": "a.png"}]}')
    with pytest.raises(ValueError, match=r"page\.json is not a page \(pictures\.0\.title"):
        read_page(tmp_path)


def test_unequal_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="3 x for 1 y"):
        Series("loss", (0.0, 1.0, 2.0), (1.0,))
    with pytest.raises(ValueError, match="row 2 of table 'Clusters' has 1 cells for 2 columns"):
        Table("Clusters", ("Cluster", "Logos"), ((0, 10), (1,)))


@given(st.lists(st.integers(0, 1000), max_size=6), st.integers(0, 1000))
def test_nobody_is_lost_in_the_funnel(counts: list[int], remaining: int) -> None:
    funnel = Funnel(sum(counts) + remaining, tuple(Departure("left", count) for count in counts))
    assert funnel.remaining == remaining
    assert [before - after for before, after in zip(funnel.after, funnel.after[1:], strict=False)] == counts


def test_a_funnel_that_loses_more_than_it_was_offered_is_refused() -> None:
    with pytest.raises(ValueError, match=r"more than the 10 images offered \(With text 11\)"):
        Funnel(10, (Departure("With text", 11),))


def test_parts_of_the_funnel_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(a 4, b 5\) do not add up to 10"):
        Funnel(10, (), (Portion("a", 4), Portion("b", 5)))
    with pytest.raises(ValueError, match=r"\(Cluster 0 10\) do not add up to 9"):
        Funnel(10, (Departure("Identical", 1),), groups=(Portion("Cluster 0", 10),))
