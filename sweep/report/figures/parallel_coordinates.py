"""Parallel coordinates: each trial as a line through its parameters and its value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sweep.report.figures.dots import spread
from sweep.report.figures.figure import Figure, ReportFigure, Tree
from sweep.report.figures.text import clipped, listed, safe, trials, wrapped
from sweep.report.figures.theme import NEUTRAL, axis, layout, scatter
from sweep.report.figures.view import ReportData, drawn_of, level_index
from sweep.terminal.formatting import number

SECTION = "History"
KEY = "parallel"

MOST = 10
"""Largest number of parameters with an axis."""

ALL = 60
"""Largest number of trials that are all coloured; with more, only the best tenth is."""

FULL = 3000
"""Largest number of points with full hover labels; with more, only those on the value axis have."""


@dataclass(frozen=True)
class Line:
    """One axis, scaled to [0, 1]: its labels, and each trial's place by number, None if missing."""

    name: str
    ticks: list[tuple[float, str]]
    places: dict[int, float | None]


def parallel(view: ReportData) -> list[ReportFigure]:
    """Parallel coordinates with horizontal axes, so that labels fit a phone screen."""
    title = "Trials as lines through their parameters"
    if len(view.valued) < 2 or not view.factors:
        reason = "Lines compare trials, and there is one." if view.valued else view.no_values()
        reason = reason if view.factors or not view.valued else "The study has no parameters."
        return [ReportFigure(KEY, SECTION, title, empty=reason)]
    numbers = [n for n in view.tree["ranking"] if n in view.by_number]
    best = set(numbers if len(numbers) <= ALL else numbers[: max(1, len(numbers) // 10)])
    left = len(view.factors) - MOST
    more = f" {left} further parameters are left out." if left > 0 else ""
    coloured = f" The best {len(best):,} are coloured." if len(best) < len(numbers) else ""
    caption = (
        f"{trials(len(view.valued))}, a line each, from {view.value_name} on top down through the "
        f"parameters ({view.better} is better).{coloured}{more} What the best have in common may "
        f"be what the sampler tried most: compare with the rest.{drawn_of(view.valued)}"
    )
    told = listed(_says(view.by_number[n]) for n in numbers[:3])
    return [ReportFigure(KEY, SECTION, title, caption, f"The best: {told}.", _figure(view, best))]


def _says(trial: Tree) -> str:
    shown = ", ".join(f"{name} {value}" for name, value in trial["shown"].items())
    return f"trial {trial['number']}: {number(trial['value'])} with {shown}"


def _figure(view: ReportData, best: set[int]) -> Figure:
    lines = [_value_line(view), *(_line(view, factor) for factor in view.factors[:MOST])]
    drawn = view.thinned(view.valued)
    full = len(drawn) * len(lines) <= FULL
    rest = [trial for trial in drawn if trial["number"] not in best]
    groups = view.groups(trial for trial in drawn if trial["number"] in best)
    several = len(groups) > 1 or bool(rest)
    data = _traces(view, lines, rest, "the rest", NEUTRAL, full=full) if rest else []
    for trace in data:
        trace["opacity"] = 0.25
    for group in groups:
        data += _traces(view, lines, group.trials, group.label, group.look.colour, full=full)
    for trace in data:
        trace["showlegend"] &= several
    names = ["the rest"] * bool(rest) + [g.label for g in groups] if several else []
    return {
        "data": data,
        "layout": layout(
            74 * len(lines) + 10,
            names,
            xaxis=axis(visible=False, range=[-0.04, 1.04], fixedrange=True),
            yaxis=axis(
                range=[len(lines) - 0.4, -0.35],
                tickvals=list(range(len(lines))),
                ticktext=[wrapped(line.name, 10) for line in lines],
                fixedrange=True,
            ),
            annotations=[tick for y, line in enumerate(lines) for tick in _ticks(line, y)],
        ),
    }


def _ticks(line: Line, y: int) -> list[dict[str, Any]]:
    """Annotations of an axis's tick labels, in two alternating rows if they are long."""
    labels = [clipped(label, max(8, 72 // len(line.ticks))) for _, label in line.ticks]
    staggered = sum(len(label) + 2 for label in labels) > 30
    return [
        {
            "x": place,
            "y": y,
            "text": safe(label),
            "showarrow": False,
            "xanchor": "left" if place <= 0 else "right" if place >= 1 else "center",
            "yanchor": "top",
            "yshift": -16 if staggered and i % 2 else -3,
            "font": {"size": 11, "shadow": "auto"},
        }
        for i, ((place, _), label) in enumerate(zip(line.ticks, labels, strict=True))
    ]


def _value_line(view: ReportData) -> Line:
    values = {trial["number"]: trial["value"] for trial in view.valued}
    low, high = min(values.values()), max(values.values())
    ticks = [(0.5, number(low))] if low == high else [(0.0, number(low)), (1.0, number(high))]
    places: dict[int, float | None] = {n: _between(v, low, high) for n, v in values.items()}
    return Line(view.value_name, ticks, places)


def _between(value: float, low: float, high: float) -> float:
    return 0.5 if low == high else (value - low) / (high - low)


def _line(view: ReportData, factor: Tree) -> Line:
    """Axis of a factor: levels evenly spaced, a range by its (log) values."""
    name, levels = factor["name"], factor["levels"]
    given = {trial["number"]: trial["params"].get(name) for trial in view.valued}
    if factor["kind"] != "range":
        last = len(levels) - 1
        at = {n: level_index(levels, value) for n, value in given.items()}
        places = {
            t["number"]: None
            if (index := at[t["number"]]) is None
            else _between(index, 0, last) + spread(t, 0.24 / max(1, last))
            for t in view.valued
        }
        return Line(
            name, [(_between(i, 0, last), v["label"]) for i, v in enumerate(levels)], places
        )
    known = [value for value in given.values() if value is not None]
    if not known:
        return Line(name, [], dict.fromkeys(given))
    low, high = min(known), max(known)
    log = factor["log"] and low > 0
    ends = (math.log(low), math.log(high)) if log else (low, high)
    drawn: dict[int, float | None] = {
        n: None if v is None else _between(math.log(v) if log else v, *ends)
        for n, v in given.items()
    }
    return Line(name, [(0.0, f"{low:.4g}"), (1.0, f"{high:.4g}")], drawn)


def _traces(
    view: ReportData,
    lines: Sequence[Line],
    of: Sequence[Tree],
    label: str,
    colour: str,
    *,
    full: bool,
) -> list[dict[str, Any]]:
    """Traces of some trials' lines, plus points with full hover labels if not ``full``."""
    xs: list[float | None] = []
    ys: list[int | None] = []
    rows: list[Any] = []
    values = [number(trial["value"]) for trial in of]
    whole = view.hover.rows(of, values)
    for trial, row in zip(of, whole, strict=True):
        xs += [*(line.places[trial["number"]] for line in lines), None]
        ys += [*range(len(lines)), None]
        rows += [row if full else row[:1]] * len(lines) + [None]
    name = safe(clipped(label, 40))
    common = {"legendgroup": safe(label), "marker": {"size": 3, "color": colour}}
    template = view.hover.template("", view.value_title)
    made = scatter(
        "lines+markers",
        xs,
        ys,
        name,
        **common,
        line={"color": colour, "width": 1.2},
        customdata=rows,
        hovertemplate=template if full else view.hover.short(""),
    )
    if full:
        return [made]
    top = [lines[0].places[trial["number"]] for trial in of]
    more = {"customdata": whole, "hovertemplate": template, "showlegend": False}
    return [made, scatter("markers", top, [0] * len(of), name, **common, **more)]
