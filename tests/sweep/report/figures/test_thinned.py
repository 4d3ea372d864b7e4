"""Figures of many trials draw a selection, with a note."""

from __future__ import annotations

from typing import Any

import pytest
from report_trees import made_of, trial

from sweep.report.figures import view
from sweep.report.figures.figure import ReportFigure
from sweep.report.figures.kinds import draw

FULL, MOST = 90, 30
DOTS = ("effect-targets", "effect-rank", "effect-learning-rate", "curves", "history", "timeline")
LINES = ("parallel",)


def drawn(tree: dict[str, Any]) -> dict[str, ReportFigure]:
    """Figures by key."""
    return {each.key: each for each in draw(tree)}


def trials_in(each: ReportFigure) -> set[int]:
    """The trials with hover labels in a figure."""
    assert each.figure is not None
    rows = [row for trace in each.figure["data"] for row in trace.get("customdata", ())]
    return {row[0] for row in rows if row and isinstance(row[0], int)}


@pytest.fixture
def tree() -> dict[str, Any]:
    """A report of many trials, of which the best is not the first."""
    return made_of([trial(number) for number in range(FULL)])


@pytest.mark.parametrize("key", [*DOTS, *LINES])
def test_a_figure_draws_a_limited_number_of_trials_with_a_note(
    key: str, tree: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some of them, and the best; the caption has both numbers."""
    whole = drawn(tree)[key]
    monkeypatch.setattr(view, "MOST_DRAWN", MOST)
    some = drawn(tree)[key]

    assert trials_in(whole) == set(range(FULL))
    assert MOST <= len(trials_in(some)) <= MOST + 1
    assert tree["ranking"][0] in trials_in(some)
    assert f"Drawn are {MOST} of these {FULL}, chosen at random" in some.caption
    assert "Drawn are" not in whole.caption
    assert some.summary == whole.summary
    assert drawn(tree)[key] == some  # deterministic


def test_up_to_the_limit_all_trials_are_drawn(
    tree: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The largest number of trials of which all are drawn."""
    whole = drawn(tree)
    monkeypatch.setattr(view, "MOST_DRAWN", FULL)

    assert drawn(tree) == whole


def test_the_line_of_the_best_so_far_is_unchanged(
    tree: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only steps in which it does not rise are left out."""

    def steps() -> list[tuple[int, float]]:
        figure = drawn(tree)["history"].figure
        assert figure is not None
        (line,) = [each for each in figure["data"] if each["name"] == "best so far"]
        return list(zip(line["x"], line["y"], strict=True))

    whole = steps()
    monkeypatch.setattr(view, "MOST_DRAWN", MOST)
    few = steps()
    reached = dict(few)
    height: float | None = None
    found: list[tuple[int, float | None]] = []
    for x, _ in whole:
        height = reached.get(x, height)
        found.append((x, height))

    assert len(few) < len(whole)
    assert found == whole
