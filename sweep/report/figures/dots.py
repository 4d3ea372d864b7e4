"""Traces of trials by level: a dot per trial, lines between replicates, means with intervals."""

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
    scatter,
)
from sweep.report.figures.view import ReportData, level_index

GOLDEN = 0.6180339887498949
"""Golden ratio conjugate: its multiples modulo 1 are evenly spread for any count."""

REACH = 0.4
"""Largest extension of the value axis for intervals, as a fraction of the trials' range."""

Point = tuple[Tree, float | int, float]
"""A trial, its position along the factor's axis, and its value."""

CLOUD, ABOVE, BELOW = 0.5, 0.12, 0.36
"""In units of rows: height of the dots, their offset above the row, offset of the mean below."""


@dataclass(frozen=True)
class Cloud:
    """Appearance of one trace of dots.

    Attributes:
        name: legend label, escaped.
        n: number of dots in the figure, which determines their size.
        legend: whether the legend lists the trace; if not, all dots are circles.
    """

    name: str
    look: MarkerStyle
    n: int
    legend: bool = False


def spread(trial: Tree, width: float) -> float:
    """Deterministic jitter in [-width / 2, width / 2), equal for replicates."""
    key = trial["number"] if trial["configuration"] is None else trial["configuration"]
    return float((key * GOLDEN) % 1.0 - 0.5) * width


def xy(along: Sequence[Any], figures: Sequence[Any], *, rows: bool) -> dict[str, Any]:
    """Plotly ``x`` and ``y``: levels on the vertical axis if ``rows``, else on the horizontal."""
    return {"x": figures, "y": along} if rows else {"x": along, "y": figures}


def dots(
    view: ReportData, of: Sequence[Point], cloud: Cloud, *, rows: bool, says: str
) -> dict[str, Any]:
    """Plotly trace with a dot per trial; trials not used in the means are hollow.

    Args:
        view: the report data.
        of: the points to draw.
        cloud: appearance of the trace.
        rows: whether levels are on the vertical axis.
        says: the value's line of the hover label, with its placeholder.
    """
    symbol = cloud.look.symbol if cloud.legend else "circle"
    symbols = [symbol if trial["used"] else f"{symbol}-open" for trial, _, _ in of]
    return scatter(
        "markers",
        **xy([at for _, at, _ in of], [figure for _, _, figure in of], rows=rows),
        name=cloud.name,
        marker={
            "symbol": symbols[0] if len(set(symbols)) == 1 else symbols,
            "color": cloud.look.colour,
            "size": marker_size(cloud.n),
            "opacity": opacity(cloud.n),
        },
        customdata=view.hover.rows([trial for trial, _, _ in of]),
        hovertemplate=view.hover.template(says),
        showlegend=cloud.legend,
    )


def joined(points: Iterable[Point], *, rows: bool) -> list[dict[str, Any]]:
    """Plotly trace of thin lines between replicates of a configuration; empty without any."""
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
    return [scatter("lines", **xy(along, figures, rows=rows), line=line, hoverinfo="skip")]


def means(
    levels: Sequence[Tree], along: Sequence[float], looks: Sequence[str], *, rows: bool
) -> list[dict[str, Any]]:
    """Plotly traces of each level's interval, and its mean as a diamond.

    Args:
        levels: levels with ``mean``, ``low``, ``high``.
        along: position of each level along the factor's axis.
        looks: colour of each level.
        rows: whether levels are on the vertical axis.
    """
    places: list[float | None] = []
    ends: list[float | None] = []
    known = [i for i, level in enumerate(levels) if level["mean"] is not None]
    for i in known:
        if levels[i]["low"] is not None:
            places += [along[i], along[i], None]
            ends += [levels[i]["low"], levels[i]["high"], None]
    line = {"color": NEUTRAL, "width": 3}
    bars = scatter("lines", **xy(places, ends, rows=rows), line=line, hoverinfo="skip")
    diamonds = scatter(
        "markers",
        **xy([along[i] for i in known], [levels[i]["mean"] for i in known], rows=rows),
        marker={
            "symbol": "diamond",
            "size": 11,
            "color": [looks[i] for i in known],
            "line": {"width": 2, "color": NEUTRAL},
        },
        customdata=[[paragraph(level_says(levels[i]))] for i in known],
        hovertemplate="%{customdata[0]}<extra></extra>",
    )
    return [bars, diamonds]


def value_range(figures: Sequence[float], levels: Sequence[Tree]) -> dict[str, Any]:
    """Range of the value axis: covers all dots, and intervals of moderate length.

    The interval of two trials can be twenty times as long as their distance; such intervals are
    cut off so that the trials remain distinguishable.
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
    """Whether an interval is cut off by the range of the value axis."""
    low, high = value_range(figures, levels).get("range", (-math.inf, math.inf))
    return any(
        level["low"] is not None and (level["low"] < low or level["high"] > high)
        for level in levels
    )


def level_says(level: Tree) -> str:
    """Text describing a level: label, mean, interval and counts."""
    label = clipped(level["label"], 60)
    if level["mean"] is None:
        return f"{label}: no trial that counts"
    mean = interval(level["mean"], level["low"], level["high"])
    return f"{label}: mean {mean}, {rests_on(level['n'], level['configurations'])}"


def level_rows(
    view: ReportData,
    factor: Tree,
    levels: Sequence[Tree],
    of: Sequence[Tree],
    figure: Callable[[Tree], float],
    name: str,
) -> Figure:
    """Figure with one row per level, the first on top.

    Args:
        view: the report data.
        factor: the factor of the levels.
        levels: levels with the mean of the drawn quantity.
        of: the trials, a sample of which is drawn if there are many; those on no level are left
            out.
        figure: function from a trial to the drawn quantity.
        name: title of the horizontal axis, escaped.
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
