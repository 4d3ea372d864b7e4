"""The analysis of the range of learning rates without collapsed runs."""

from __future__ import annotations

import json
from typing import Any

from studies.evidence.narrowed import below_collapses, narrowed, set_apart
from studies.evidence.numbers import LONGER, NUMBERS, RESULTS
from sweep.results.table import to_table
from sweep.storage.studies import open_known, read_spec
from sweep.storage.url import StorageUrl
from sweep.study.parameters import Float

FOUND: dict[str, Any] = json.loads(NUMBERS.read_text(encoding="utf-8"))[LONGER]
STUDY = open_known(StorageUrl.parse(f"sqlite:///{RESULTS / LONGER}.db"), LONGER)


def test_the_range_ends_below_the_first_collapse() -> None:
    """With all measured trials of smaller rates, no collapsed one, and that range in the space."""
    table = to_table(STUDY)
    apart = set_apart(FOUND["analysis"]["claims"][0])
    part = below_collapses(table, apart)
    rates = {row.number: float(row.values["learning_rate"]) for row in table.rows}
    edge = min(rates[number] for number in apart)
    axis = part.space["learning_rate"]

    assert isinstance(axis, Float)
    assert {row.number for row in part.rows} == {
        row.number for row in table.rows if row.phase == "measure" and rates[row.number] < edge
    }
    assert axis.high == max(rates[row.number] for row in part.rows) < edge


def test_its_effects_equal_the_published_numbers() -> None:
    """Cross-checks change no effect; without collapsed runs nothing is narrowed."""
    verdicts = FOUND["analysis"]["claims"]
    claims = read_spec(STUDY).claims
    again = narrowed(to_table(STUDY), claims, verdicts, cross_checks=False)

    assert again is not None
    assert again["apart"] == FOUND["narrowed"]["apart"]
    for new, old in zip(again["claims"], FOUND["narrowed"]["claims"], strict=True):
        shares = [{e["name"]: round(e["share"], 6) for e in x["parameters"]} for x in (new, old)]
        assert shares[0] == shares[1]
    none = [{**verdict, "excluded": []} for verdict in verdicts]
    assert narrowed(to_table(STUDY), claims, none, cross_checks=False) is None
