"""Figures of the value by level, one per factor: all trials, and level means with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sweep.report.figures.axes import Scale, is_numeric, log_axis
from sweep.report.figures.dots import (
    Cloud,
    Point,
    dots,
    joined,
    level_rows,
    level_says,
    means,
    runs_off,
    spread,
    value_range,
)
from sweep.report.figures.figure import Figure, ReportFigure, Tree
from sweep.report.figures.text import listed, paragraph, safe, slug, trials
from sweep.report.figures.theme import BAND, NEUTRAL, axis, layout, scatter
from sweep.report.figures.view import ReportData, drawn_of, level_index

SECTION = "Effects"

MOST = 16
"""Largest number of factors with a figure."""


def effects(view: ReportData) -> list[ReportFigure]:
    """One figure per factor, the dominant one first."""
    if not view.factors:
        reason = "The study has no parameters." if view.valued else view.no_values()
        return [ReportFigure("effect", SECTION, f"{view.value_start} by parameter", empty=reason)]
    ordered = sorted(view.factors, key=lambda factor: factor is not view.dominant)
    keys: set[str] = set()
    drawn = []
    for factor in ordered[:MOST]:
        key = _key(str(factor["name"]), keys)
        drawn.append(_effect(view, factor, key))
    return drawn


def _key(name: str, taken: set[str]) -> str:
    """A figure key unique among the factors."""
    base = f"effect-{slug(name) or 'parameter'}"
    key = next(
        k for i in range(1, MOST + 1) if (k := base if i == 1 else f"{base}-{i}") not in taken
    )
    taken.add(key)
    return key


def _effect(view: ReportData, factor: Tree, key: str) -> ReportFigure:
    title = f"{view.value_start} by {factor['name']}"
    of = [trial for trial in view.valued if trial["params"].get(factor["name"]) is not None]
    if not of:
        reason = f"No trial with a value has {factor['name']}." if view.valued else view.no_values()
        return ReportFigure(key, SECTION, title, empty=reason)
    if not factor["levels"] or len({trial["shown"].get(factor["name"]) for trial in of}) < 2:
        shown = of[0]["shown"].get(factor["name"])
        reason = f"Nothing to compare: {trials(len(of))}, at {factor['name']} {shown}."
        return ReportFigure(key, SECTION, title, empty=reason)
    if factor["kind"] == "range":
        figure = _range(view, factor, of)
    elif factor["kind"] == "ordered" and is_numeric(factor):
        figure = _ordered(view, factor, of)
    else:
        figure = level_rows(
            view, factor, factor["levels"], of, lambda t: float(t["value"]), view.value_title
        )
    summary = f"{title}: {listed(level_says(level) for level in factor['levels'])}."
    return ReportFigure(key, SECTION, title, _caption(view, factor, of), summary, figure)


def _caption(view: ReportData, factor: Tree, of: Sequence[Tree]) -> str:
    means = "Grey steps are means of bins" if factor["kind"] == "range" else "Diamonds are means"
    means = f"{means} with {view.tree['interval']}"
    asides = [
        "thin lines join seeds of one configuration" * _replicated(of),
        "hollow trials count in no mean" * any(not trial["used"] for trial in of),
        "long intervals run off the axis"
        * runs_off([trial["value"] for trial in of], factor["levels"]),
    ]
    derived = f"; {factor['name']} is {factor['says']}" if factor["derived"] else ""
    return (
        f"{trials(len(of))}, a dot each ({view.better} is better){derived}. "
        f"{'; '.join([means, *filter(None, asides)])}. Levels are "
        "averaged over whatever else was sampled with them: after a search that is no even mix."
        f"{drawn_of(of)}"
    )


def _replicated(of: Sequence[Tree]) -> bool:
    known = [trial["configuration"] for trial in of if trial["configuration"] is not None]
    return len(set(known)) < len(known)


def _clouds(view: ReportData, points: Sequence[Point]) -> tuple[list[dict[str, Any]], list[str]]:
    """Traces of dots, one per level of the dominant factor, and their legend entries."""
    by_number = {point[0]["number"]: point for point in points}
    groups = view.groups(trial for trial, _, _ in points)
    several = len(groups) > 1
    made = [
        dots(
            view,
            [by_number[trial["number"]] for trial in group.trials],
            Cloud(safe(group.label), group.look, len(points), legend=several),
            rows=False,
            says=view.value_says,
        )
        for group in groups
    ]
    return made, [group.label for group in groups] if several else []


def _ordered(view: ReportData, factor: Tree, of: Sequence[Tree]) -> Figure:
    """Figure of an ordered numeric factor, coloured by the dominant factor."""
    scale = Scale.of(factor)
    levels = factor["levels"]
    points: list[Point] = [
        (t, scale.place(index, spread(t, 0.4) - 0.1), t["value"])
        for t in view.thinned(of)
        if (index := level_index(levels, t["params"][factor["name"]])) is not None
    ]
    clouds, names = _clouds(view, points)
    places = [scale.place(i, 0.28) for i in range(len(levels))]
    bars = means(levels, places, [NEUTRAL] * len(levels), rows=False)
    return {
        "data": [*joined(points, rows=False), *clouds, *bars],
        "layout": layout(
            340,
            names,
            xaxis=scale.axis(factor),
            yaxis=axis(view.value_title, nticks=7, **_value_range(of, factor)),
        ),
    }


def _range(view: ReportData, factor: Tree, of: Sequence[Tree]) -> Figure:
    """Figure of a range factor: trials at their values, the mean of each bin as a step."""
    points: list[Point] = [(t, t["params"][factor["name"]], t["value"]) for t in view.thinned(of)]
    at = [t["params"][factor["name"]] for t in of]
    low, high = min(at), max(at)
    name = safe(factor["name"])
    along = (
        log_axis(name, low, high, showgrid=False)
        if factor["log"] and low > 0
        else axis(name, nticks=6, showgrid=False)
    )
    clouds, names = _clouds(view, points)
    return {
        "data": [*_bins(factor["levels"]), *joined(points, rows=False), *clouds],
        "layout": layout(
            340,
            names,
            xaxis=along,
            yaxis=axis(view.value_title, nticks=7, **_value_range(of, factor)),
        ),
    }


def _value_range(of: Sequence[Tree], factor: Tree) -> dict[str, Any]:
    return value_range([trial["value"] for trial in of], factor["levels"])


def _bins(levels: Sequence[Tree]) -> list[dict[str, Any]]:
    """Plotly traces of each bin's interval as an area and its mean as a line."""
    xs: list[float | None] = []
    ys: list[float | None] = []
    steps: list[tuple[float | None, float | None, list[str]]] = []
    for level in levels:
        if level["mean"] is None or level["from"] is None:
            continue
        first, last = level["from"], level["to"]
        if level["low"] is not None:
            xs += [first, last, last, first, None]
            ys += [level["low"], level["low"], level["high"], level["high"], None]
        said = [paragraph(level_says(level))]
        steps += [(first, level["mean"], said), (last, level["mean"], said), (None, None, [""])]
    area = scatter("none", xs, ys, fill="toself", fillcolor=BAND, hoverinfo="skip")
    line = scatter(
        "lines",
        [x for x, _, _ in steps],
        [y for _, y, _ in steps],
        line={"color": NEUTRAL, "width": 3},
        customdata=[said for _, _, said in steps],
        hovertemplate="%{customdata[0]}<extra></extra>",
    )
    return [area, line]
