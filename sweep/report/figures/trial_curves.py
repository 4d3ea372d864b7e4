"""Figures of the best trial: the curves that the study's objective describes."""

from __future__ import annotations

from typing import Any

from sweep.report.figures.figure import ReportFigure, Tree
from sweep.report.figures.text import safe
from sweep.report.figures.theme import COLOURS, NEUTRAL, axis, layout, scatter
from sweep.report.figures.view import ReportData
from sweep.study.measures import Column, Curve
from sweep.terminal.formatting import number

SECTION = "The best trial"

MARKS = (("circle", COLOURS[1]), ("diamond", COLOURS[5]), ("square", COLOURS[2]))
"""Marker symbol and colour of the rows of a table that a curve marks, in turn."""

MOST_TOLD = 24
"""Largest number of points that are listed in words."""


def trial_curves(view: ReportData) -> list[ReportFigure]:
    """One figure per curve of ``ObjectiveInfo.curves``."""
    curves = view.measures.curves
    if not curves:
        why = "The study's objective describes no curve of a trial."
        return [ReportFigure("trial-curves", SECTION, "Curves of the best trial", empty=why)]
    return [_figure(view, curve) for curve in curves]


def _figure(view: ReportData, curve: Curve) -> ReportFigure:
    best = view.tree["best"]
    if best is None:
        why = "No trial is complete." if view.trials else view.no_values()
        return ReportFigure(curve.key, SECTION, curve.title, empty=why)
    if not best.get(curve.name):
        why = f"The best trial, {best['number']}, stores nothing of it."
        return ReportFigure(curve.key, SECTION, curve.title, empty=why)
    stored = best[curve.name]
    columns = {column.name: column for column in curve.columns}
    points = list(zip(*(stored[name] for name in columns), strict=True))
    dots: Tree = {"marker": {"size": 8, "color": COLOURS[0]}} if curve.points else {}
    line = scatter(
        "lines+markers" if curve.points else "lines",
        stored[curve.x],
        stored[curve.y],
        line={"color": COLOURS[0], "width": 1.5 if curve.points else 2},
        customdata=[[number(value) for value in point] for point in points],
        hovertemplate=f"{_hover(curve)}<extra></extra>",
        **dots,
    )
    marked = _marked(view, curve)
    data = [line, *(_mark(curve, i, name, at) for i, (name, at) in enumerate(marked))]
    names = [name for name, _ in marked]
    if curve.diagonal:
        data, names = [_diagonal(curve.diagonal), *data], [curve.diagonal, *names]
    figure = {
        "data": data,
        "layout": layout(
            360 if curve.points else 340,
            names,
            xaxis=_axis(columns[curve.x], points=curve.points),
            yaxis=_axis(columns[curve.y], points=curve.points),
        ),
    }
    note = _note(curve, stored)
    caption = f"Trial {best['number']}, {curve.caption.replace('{n}', str(len(points)))}{note}"
    summary = f"{curve.title}: {_told(curve, points, marked)}.{note}"
    return ReportFigure(curve.key, SECTION, curve.title, caption, summary, figure)


def _marked(view: ReportData, curve: Curve) -> list[tuple[str, Tree]]:
    """Legend and values of the rows that are marked on a curve and have both coordinates."""
    rows = next((table.rows for table in view.measures.tables if table.name == curve.marks), ())
    values = view.tree["best"].get(curve.marks) or {}
    found = [(row.mark or row.title, values[row.name]) for row in rows if row.name in values]
    return [(name, at) for name, at in found if None not in (at.get(curve.x), at.get(curve.y))]


def _told(curve: Curve, points: list[Any], marked: list[tuple[str, Tree]]) -> str:
    """The marked points in words, or all points of a curve without marks."""
    if curve.marks:
        found = [(name, [at.get(c.name) for c in curve.columns]) for name, at in marked]
        return "; ".join(f"{name}: {_says(curve, at)}" for name, at in found) or "none is marked"
    if len(points) > MOST_TOLD:
        return f"{len(points)} points"
    return "; ".join(_says(curve, point) for point in points)


def _says(curve: Curve, point: Any) -> str:
    pairs = zip(curve.columns, point, strict=True)
    return ", ".join(f"{column.title} {number(value)}" for column, value in pairs)


def _hover(curve: Curve) -> str:
    titles = [safe(column.title) for column in curve.columns]
    return "<br>".join(f"{title} %{{customdata[{i}]}}" for i, title in enumerate(titles))


def _axis(column: Column, *, points: bool) -> dict[str, Any]:
    if column.interval is None:
        return axis(safe(column.title), nticks=6, rangemode="tozero")
    low, high = column.interval
    aside = (0.03 if points else 0.02) * (high - low)  # markers at the ends stay whole
    return axis(safe(column.title), nticks=6, range=[low - aside, high + aside])


def _note(curve: Curve, stored: Tree) -> str:
    value = None if curve.note is None else stored.get(curve.note.name)
    return "" if curve.note is None or value is None else f" {curve.note.title} {number(value)}."


def _mark(curve: Curve, index: int, label: str, at: Tree) -> dict[str, Any]:
    symbol, colour = MARKS[index % len(MARKS)]
    return scatter(
        "markers",
        [at[curve.x]],
        [at[curve.y]],
        safe(label),
        marker={"symbol": symbol, "size": 12, "color": colour},
        customdata=[[number(at.get(column.name)) for column in curve.columns]],
        hovertemplate=f"<b>{safe(label)}</b><br>{_hover(curve)}<extra></extra>",
    )


def _diagonal(label: str) -> dict[str, Any]:
    line = {"color": NEUTRAL, "width": 1.5, "dash": "dash"}
    return scatter("lines", [0, 1], [0, 1], safe(label), line=line, hoverinfo="skip")
