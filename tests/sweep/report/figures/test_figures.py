"""Invariants of every figure of every report."""

from __future__ import annotations

import cProfile
import json
import re
from collections.abc import Iterator
from typing import Any

import plotly.graph_objects as go
import pytest
from examples import examples
from hypothesis import given, settings
from report_trees import complete, made_of, trees, trial

from objectives.metrics.binary_measures import MEASURES
from sweep.report.figures.figure import ReportFigure
from sweep.report.figures.kinds import FIGURES, draw
from sweep.study.measures import FIGURE_KEYS

FIXED = ("paper_bgcolor", "plot_bgcolor")
WEBGL = {"scattergl", "parcoords", "scatter3d", "splom", "heatmapgl"}


def drawn(tree: dict[str, Any]) -> dict[str, ReportFigure]:
    """Figures by key, which must be unique."""
    found = draw(tree)
    by_key = {each.key: each for each in found}
    assert len(by_key) == len(found)
    return by_key


def check(each: ReportFigure) -> None:
    """A figure is valid for plotly, or has a reason why it is missing."""
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", each.key)
    assert each.title
    if each.figure is None:
        assert each.empty.rstrip().endswith((".", ")")), each.empty
        return
    assert not each.empty
    assert each.caption.endswith("."), each.caption
    assert each.summary.endswith("."), each.summary
    json.dumps(each.figure, allow_nan=False)
    go.Figure(each.figure)  # raises on unknown properties
    assert not {trace["type"] for trace in each.figure["data"]} & WEBGL


@pytest.fixture(scope="module")
def whole() -> dict[str, ReportFigure]:
    """Every figure of a tree with data for each."""
    return drawn(complete())


def test_every_kind_is_drawn(whole: dict[str, ReportFigure]) -> None:
    """Each kind has its own key, in one section."""
    for each in whole.values():
        assert each.figure is not None, each
        check(each)
    for kind in FIGURES:
        own = [curve.key for curve in MEASURES.curves] if kind == "trial-curves" else []
        of = own or [k for k in whole if k == kind or k.startswith(f"{kind}-")]
        assert of, kind
        assert len({whole[key].section for key in of}) == 1


def test_no_curve_has_the_key_of_a_figure() -> None:
    """Keys name files and anchors."""
    assert set(FIGURES) == set(FIGURE_KEYS)


def test_the_page_sets_the_colours_of_text_and_background(whole: dict[str, ReportFigure]) -> None:
    """A theme can only set properties that a figure leaves open."""
    for each in whole.values():
        assert each.figure is not None
        layout = each.figure["layout"]
        assert [layout[name] for name in FIXED] == ["rgba(0,0,0,0)"] * 2
        assert "color" not in layout["font"]
        assert "template" not in layout
        for name, axis in layout.items():
            if re.match("[xy]axis", name):
                assert not {"gridcolor", "linecolor", "color", "zerolinecolor"} & set(axis)
                assert axis["automargin"]


@settings(max_examples=examples(150), deadline=None)
@given(trees())
def test_any_tree_can_be_drawn(tree: dict[str, Any]) -> None:
    """For any study each figure is drawn or has a reason."""
    keys = drawn(tree)
    assert len(keys) >= len(FIGURES)
    for each in keys.values():
        check(each)


EMPTY = ("importance", "heat", "size", "gap", "history", "parallel", "effect", "calibration")


@pytest.mark.parametrize(
    ("trials", "reason"),
    [
        ([], "The study has no trials yet."),
        ([trial(0, "waiting")], "The trial has no value: 1 waiting."),
        ([trial(n, "failed") for n in range(3)], "None of the 3 trials has a value: 3 failed."),
        (
            [trial(0, "failed"), trial(1, "running"), trial(2, "pruned")],
            "None of the 3 trials has a value: 1 failed, 1 pruned, 1 running.",
        ),
    ],
)
def test_a_missing_figure_has_a_reason(trials: list[dict[str, Any]], reason: str) -> None:
    """With the number of trials, for example."""
    found = drawn(made_of(trials))
    for key, each in found.items():
        if key.startswith(EMPTY):
            assert each.figure is None
        if key.startswith(("history", "importance", "parallel")):
            assert each.empty == reason
    assert found["timeline"].empty == (
        reason if not trials else "No trial has started." if len(trials) == 1 else ""
    )


def test_one_trial_is_drawn_where_it_is_informative() -> None:
    """One trial has a history, but no comparisons."""
    found = drawn(made_of([trial(0)]))
    assert {key for key, each in found.items() if each.figure} == {
        "size",
        "curves",
        "gap",
        "history",
        "timeline",
    }
    assert found["effect-rank"].empty == "Nothing to compare: 1 trial, at rank 2."
    assert found["parallel"].empty == "Lines compare trials, and there is one."


def test_a_parameter_with_one_value() -> None:
    """There is no comparison; the history is still drawn."""
    trials = [trial(n, params={"rank": 4}, value=0.25) for n in range(5)]
    found = drawn(made_of(trials, {"rank": "ordered"}))
    assert found["effect-rank"].empty == "Nothing to compare: 5 trials, at rank 4."
    assert found["heat"].empty == "There are no two factors to cross."
    assert found["history"].figure is not None


def test_a_foreign_study_without_sizes_curves_or_seeds() -> None:
    """The reasons say what plain Optuna does not store."""
    trials = [
        trial(n, size=None, curve=[], seed=None, gap=None, phase=None, started=None)
        for n in range(6)
    ]
    found = drawn(made_of(trials))
    reasons = {key: found[key].empty for key in ("size", "curves", "gap", "timeline", "modules")}
    assert reasons == {
        "size": "No trial says how many parameters it trained.",
        "curves": "No trial has reported anything while training.",
        "gap": "No trial was scored on its training data too.",
        "timeline": "No trial says when it started and ended.",
        "modules": "No target sets were compared.",
    }
    history = found["history"].figure
    assert history is not None
    assert [row[-2:] for trace in history["data"] for row in trace.get("customdata", [])] == [
        ["-", "-"]
    ] * 6


def test_similar_names_keep_separate_figures() -> None:
    """Keys have a smaller alphabet than names."""
    params = [{"a b": n, "a-b": -n, "": 2 * n} for n in range(6)]
    trials = [trial(n, params=params[n]) for n in range(6)]
    keys = drawn(made_of(trials, dict.fromkeys(params[0], "ordered")))
    assert {"effect-a-b", "effect-a-b-2", "effect-parameter"} <= set(keys)


def many(n: int) -> Iterator[dict[str, Any]]:
    """Trials of a long study, with curves of ten points."""
    for number in range(n):
        made = trial(number, ("complete", "complete", "pruned")[number % 3])
        rate = 10.0 ** (-4.0 + (number * 0.377) % 2.0)
        params = made["params"] | {"learning_rate": rate, "alpha": 2 ** (number % 7)}
        curve = [
            {"step": 50 * k, "value": 0.31 / (k + number), "loss": 0.77 / (k + number)}
            for k in range(1, 11)
        ]
        yield trial(
            number, made["kind"], params=params, curve=curve, ended="2026-03-02T01:00:00.125+00:00"
        )


def counted(trials: int) -> tuple[dict[str, ReportFigure], int]:
    """The figures of this many trials, and the number of function calls to draw them."""
    kinds = {"targets": "choice", "rank": "ordered", "learning_rate": "range", "alpha": "ordered"}
    tree = made_of(list(many(trials)), kinds)
    profile = cProfile.Profile()
    found = profile.runcall(drawn, tree)
    return found, sum(each.callcount for each in profile.getstats())


def test_two_thousand_trials_are_drawn_efficiently() -> None:
    """At most five times the calls for a fifth of the trials, 6 MB, and few traces."""
    found, calls = counted(2000)
    _, fewer = counted(400)
    assert calls < 1.3 * 5 * fewer
    sizes = {key: len(json.dumps(each.figure)) for key, each in found.items() if each.figure}
    assert sum(sizes.values()) < 6_000_000, sizes
    for key in sizes:
        figure = found[key].figure
        assert figure is not None
        assert len(figure["data"]) <= 40, key
