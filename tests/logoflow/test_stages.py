"""Which stages a choice means, and which choices cannot be meant."""

import pytest

from logoflow.errors import UserError
from logoflow.stages import STAGES, chosen_stages


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({}, list(STAGES)),
        ({"start": "curate"}, list(STAGES)),
        ({"only": "cluster", "force": "cluster"}, ["cluster"]),
        ({"end": "ingest"}, ["ingest"]),
        ({"end": "cluster"}, ["ingest", "detect_text", "train_encoder", "embed", "cluster"]),
        ({"end": "curate", "start": "embed", "force": "deduplicate"}, list(STAGES)[:7]),
        ({"end": "report"}, list(STAGES)),
    ],
)
def test_a_choice_names_its_stages_in_order(choice: dict[str, str], expected: list[str]) -> None:
    assert chosen_stages(**{"only": None, "start": None, "end": None, "force": None} | choice) == expected


@pytest.mark.parametrize(
    ("choice", "why"),
    [
        ({"end": "clusters"}, "there is no stage clusters"),
        ({"only": "curate", "start": "embed"}, "either only curate runs, or all from embed on"),
        ({"only": "curate", "end": "curate"}, "either only curate runs, or all up to curate"),
        ({"only": "curate", "force": "embed"}, "only curate runs, so embed is not built again"),
        ({"end": "cluster", "start": "curate"}, "cluster does not rest on curate"),
        ({"end": "cluster", "force": "deduplicate"}, "cluster does not rest on deduplicate"),
    ],
)
def test_a_choice_that_cannot_be_meant_is_refused(choice: dict[str, str], why: str) -> None:
    with pytest.raises(UserError, match=why):
        chosen_stages(**{"only": None, "start": None, "end": None, "force": None} | choice)
