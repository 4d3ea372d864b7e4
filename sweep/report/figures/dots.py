"""Trials by level: every trial a dot, replicates joined, mean and interval beside them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sweep.report.figures.figure import Figure, Tree
from sweep.report.figures.intervals import rows_axis
from sweep.report.figures.text import clipped, d3_format, interval, paragraph, rests_on, safe
from sweep.report.figures.theme import (
    NEUTRAL,
    OTHER,
    MarkerStyle,
    axis,
    layout,
    look,
    marker_size,
    opacity,
)
from sweep.report.figures.view import ReportData, level_index

GOLDEN = 0.6180339887498949
"""Multiples of it, modulo 1, spread evenly however many there are."""

REACH = 0.4
"""How far the axis of values goes beyond the trials for an interval, in spans of the trials."""

Point = tuple[Tree, float | int, float]
"""A trial, where it stands along the factor, and its figure."""


@dataclass(frozen=True)
class Cloud:
    """How the dots of one trace look.

    Attributes:
        name: in the legend, escaped.
        look: colour and symbol.
        n: dots in the whole figure, which decides how large they are.
        legend: whether the legend lists it; where not, all dots are circles.
    """

    name: str
    look: MarkerStyle
    n: int
    legend: bool = False


def spread(trial: Tree, width: float) -> float:
    """A deterministic offset within half of ``width``, the same for replicates."""
    key = trial["number"] if trial["configuration"] is None else trial["configuration"]
    return float((key * GOLDEN) % 1.0 - 0.5) * width


def xy(along: Sequence[Any], figures: Sequence[Any], *, rows: bool) -> dict[str, Any]:
    """Coordinates: levels as rows, or along the horizontal axis."""
    return {"x": figures, "y": along} if rows else {"x": along, "y": figures}


def dots(
    view: ReportData, of: Sequence[Point], cloud: Cloud, *, rows: bool, says: str
) -> dict[str, Any]:
    """A trace of trials; what no mean rests on is hollow.

    Args:
        view: the report.
        of: what to draw.
        cloud: how it looks.
        rows: whether levels are rows.
        says: what the figure is called in the hover label, with its placeholder.
    """
    symbol = cloud.look.symbol if cloud.legend else "circle"
    symbols = [symbol if trial["used"] else f"{symbol}-open" for trial, _, _ in of]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": cloud.name,
        "legendgroup": cloud.name,
        **xy([at for _, at, _ in of], [figure for _, _, figure in of], rows=rows),
        "marker": {
            "symbol": symbols[0] if len(set(symbols)) == 1 else symbols,
            "color": cloud.look.colour,
            "size": marker_size(cloud.n),
            "opacity": opacity(cloud.n),
        },
        "customdata": view.hover.rows([trial for trial, _, _ in of]),
        "hovertemplate": view.hover.template(says),
        "showlegend": cloud.legend,
    }


def joined(points: Iterable[Point], *, rows: bool) -> list[dict[str, Any]]:
    """A thin line through the replicates of each configuration; nothing without any."""
    by_configuration: dict[int, list[Point]] = {}
    for point in points:
        configuration = point[0]["configuration"]
        if configuration is not None:
            by_configuration.setdefault(configuration, []).append(point)
    along: list[float | None] = []
    figures: list[float | None] = []
    for of in by_configuration.values():
        if len(of) > 1:
            ordered = sorted(of, key=lambda point: point[2])
            along += [*(at for _, at, _ in ordered), None]
            figures += [*(figure for _, _, figure in ordered), None]
    if not along:
        return []
    line = {"color": NEUTRAL, "width": 1}
    return [
        {
            "type": "scatter",
            "mode": "lines",
            **xy(along, figures, rows=rows),
            "line": line,
            "hoverinfo": "skip",
            "showlegend": False,
        }
    ]


def means(
    levels: Sequence[Tree], along: Sequence[float], looks: Sequence[str], *, rows: bool
) -> list[dict[str, Any]]:
    """Each level's mean as a diamond on its interval.

    Args:
        levels: with ``mean``, ``low``, ``high``.
        along: where each stands along the factor.
        looks: each one's colour.
        rows: whether levels are rows.
    """
    places: list[float | None] = []
    ends: list[float | None] = []
    known = [i for i, level in enumerate(levels) if level["mean"] is not None]
    for i in known:
        if levels[i]["low"] is not None:
            places += [along[i], along[i], None]
            ends += [levels[i]["low"], levels[i]["high"], None]
    common = {"type": "scatter", "showlegend": False}
    bars = {
        **common,
        "mode": "lines",
        **xy(places, ends, rows=rows),
        "line": {"color": NEUTRAL, "width": 3},
        "hoverinfo": "skip",
    }
    diamonds = {
        **common,
        "mode": "markers",
        **xy([along[i] for i in known], [levels[i]["mean"] for i in known], rows=rows),
        "marker": {
            "symbol": "diamond",
            "size": 11,
            "color": [looks[i] for i in known],
            "line": {"width": 2, "color": NEUTRAL},
        },
        "customdata": [[paragraph(level_says(levels[i]))] for i in known],
        "hovertemplate": "%{customdata[0]}<extra></extra>",
    }
    return [bars, diamonds]


def value_range(figures: Sequence[float], levels: Sequence[Tree]) -> dict[str, Any]:
    """Attributes of the axis of values: wide enough for the dots, and for ordinary intervals.

    An interval of two trials may be twenty times as long as the trials are apart; such ones run
    off the axis, so that the trials can be told apart.
    """
    low, high = min(figures, default=0.0), max(figures, default=0.0)
    span = high - low
    if span == 0:
        return {}
    ends = [level[end] for level in levels for end in ("low", "high") if level[end] is not None]
    bottom = max(min([low, *ends]), low - REACH * span)
    top = min(max([high, *ends]), high + REACH * span)
    return {"range": [bottom - 0.05 * span, top + 0.05 * span]}


def runs_off(figures: Sequence[float], levels: Sequence[Tree]) -> bool:
    """Whether an interval is longer than the axis shows."""
    low, high = value_range(figures, levels).get("range", (-math.inf, math.inf))
    return any(
        level["low"] is not None and (level["low"] < low or level["high"] > high)
        for level in levels
    )


def level_says(level: Tree) -> str:
    """A level in words."""
    label = clipped(level["label"], 60)
    if level["mean"] is None:
        return f"{label}: no trial that counts"
    mean = interval(level["mean"], level["low"], level["high"])
    return f"{label}: mean {mean}, {rests_on(level['n'], level['configurations'])}"


CLOUD, ABOVE, BELOW = 0.5, 0.12, 0.36
"""In rows: a cloud's height, its middle above the row's, and the mean below it."""


def level_rows(
    view: ReportData,
    factor: Tree,
    levels: Sequence[Tree],
    of: Sequence[Tree],
    figure: Callable[[Tree], float],
    name: str,
) -> Figure:
    """A row per level, the first on top.

    Args:
        view: the report.
        factor: whose levels they are.
        levels: with means of the figure that is drawn.
        of: the trials, of which the figure draws some where there are many; those on no level
            are left out.
        figure: what is drawn of a trial.
        name: of the horizontal axis, escaped.
    """
    drawn = view.thinned(of)
    at = {t["number"]: level_index(levels, t["params"].get(factor["name"])) for t in drawn}
    points: list[Point] = [
        (t, index - ABOVE + spread(t, CLOUD), figure(t))
        for t in drawn
        if (index := at[t["number"]]) is not None
    ]
    own = [level["label"] for level in factor["levels"]]
    looks = [look(own.index(v["label"])) if v["label"] in own else OTHER for v in levels]
    figures = [value for _, _, value in points]
    says = f"{name} %{{x:{d3_format(figures)}}}"
    clouds = [
        dots(view, found, Cloud(safe(level["label"]), looks[i], len(points)), rows=True, says=says)
        for i, level in enumerate(levels)
        if (found := [point for point in points if at[point[0]["number"]] == i])
    ]
    places = [i + BELOW for i in range(len(levels))]
    colours = [each.colour for each in looks]
    height = max(26, 56 - 2 * max(0, len(levels) - 6))
    return {
        "data": [*joined(points, rows=True), *clouds, *means(levels, places, colours, rows=True)],
        "layout": layout(
            height * len(levels) + 40,
            xaxis=axis(name, nticks=6, **value_range(figures, levels)),
            yaxis=rows_axis([level["label"] for level in levels]),
        ),
    }
