"""Heat maps of two crossed factors: mean and number of trials of each cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sweep.report.figures.figure import Figure, ReportFigure, Tree
from sweep.report.figures.intervals import row_height
from sweep.report.figures.text import listed, safe, slug, wrapped
from sweep.report.figures.theme import NEUTRAL, SCALE, axis, layout, scatter
from sweep.report.figures.view import ReportData
from sweep.terminal.formatting import number

SECTION = "Factors together"


def heat_maps(view: ReportData) -> list[ReportFigure]:
    """One heat map per pair of factors crossed in the tree."""
    crossed = view.tree["cells"]
    if not crossed:
        reason = "There are no two factors to cross." if view.valued else view.no_values()
        return [ReportFigure("heat", SECTION, f"{view.value_start} by two factors", empty=reason)]
    return [_heat_map(view, cells, i) for i, cells in enumerate(crossed)]


def _heat_map(view: ReportData, cells: Tree, place: int) -> ReportFigure:
    columns = str(cells["columns"])
    # The index distinguishes names with the same slug.
    key = f"heat-{place + 1}-{slug(columns)}".strip("-")
    title = f"{view.value_start} by {cells['rows']} and {columns}"
    known = [
        (value, n, row, column)
        for values, counts, row in zip(cells["mean"], cells["n"], cells["row_labels"], strict=True)
        for value, n, column in zip(values, counts, cells["column_labels"], strict=True)
    ]
    full = [cell for cell in known if cell[0] is not None]
    if len(full) < 2:
        reason = "Nothing to compare: all trials are in one cell." if full else view.no_values()
        return ReportFigure(key, SECTION, title, empty=reason)
    empty = len(known) - len(full)
    crossed = f" {empty} of {len(known)} cells have no trial (crosses)." if empty else ""
    caption = (
        f"Each cell: the mean over its configurations ({view.better} is better), and n, its "
        f"trials.{crossed} Cells of one trial show its noise; the mean tells nothing of the "
        "spread within."
    )
    ranked = sorted(full, key=lambda cell: -cell[0] if view.maximize else cell[0])
    said = listed(
        (f"{row} with {columns} {column}: {number(v)} (n={n})" for v, n, row, column in ranked), 6
    )
    return ReportFigure(key, SECTION, title, caption, f"Best first: {said}.", _figure(view, cells))


def _figure(view: ReportData, cells: Tree) -> Figure:
    rows, columns = cells["row_labels"], cells["column_labels"]
    text = [
        [
            "" if value is None else f"{_brief(value, len(columns))}<br>n={n}"
            for value, n in zip(v, c, strict=True)
        ]
        for v, c in zip(cells["mean"], cells["n"], strict=True)
    ]
    said = [
        [
            f"{safe(row)}, {safe(column)}: {f'mean {number(value)}, n={n}' if n else 'no trial'}"
            for value, n, column in zip(v, c, columns, strict=True)
        ]
        for v, c, row in zip(cells["mean"], cells["n"], rows, strict=True)
    ]
    heat = {
        "type": "heatmap",
        "x": list(range(len(columns))),
        "y": list(range(len(rows))),
        "z": cells["mean"],
        "text": text,
        "texttemplate": "%{text}",
        "customdata": said,
        "hovertemplate": "%{customdata}<extra></extra>",
        "colorscale": [list(stop) for stop in SCALE],
        "reversescale": not view.maximize,
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
        "hoverongaps": False,
    }
    return {
        "data": [heat, *_empty(cells, said)],
        "layout": layout(
            max(30, row_height(rows) - max(0, len(rows) - 8)) * len(rows) + 60,
            xaxis=axis(
                safe(cells["columns"]),
                **_ticks(view.factor(cells["columns"]), columns),
                showgrid=False,
                ticks="",
                fixedrange=True,
            ),
            yaxis=axis(
                tickvals=list(range(len(rows))),
                ticktext=[wrapped(label) for label in rows],
                autorange="reversed",
                showgrid=False,
                ticks="",
                fixedrange=True,
            ),
        ),
    }


def _ticks(factor: Tree | None, labels: Sequence[str]) -> dict[str, Any]:
    """Ticks of the columns: their labels, or the bin edges for bins, which are shorter."""
    levels = [] if factor is None else factor["levels"]
    if len(levels) == len(labels) and all(level["from"] is not None for level in levels):
        ends = [*(level["from"] for level in levels), levels[-1]["to"]]
        places = [i - 0.5 for i in range(len(ends))]
        return {"tickvals": places, "ticktext": [f"{end:.3g}" for end in ends]}
    return {
        "tickvals": list(range(len(labels))),
        "ticktext": [wrapped(label, 9) for label in labels],
    }


def _brief(value: float, columns: int) -> str:
    """A mean with few digits to fit its cell; the hover label shows four."""
    digits = 3 if columns <= 8 else 2
    return f"{value:.{digits}f}" if abs(value) < 1 else f"{value:.{digits + 1}g}"


def _empty(cells: Tree, said: list[list[str]]) -> list[dict[str, Any]]:
    """Crosses in cells without trials, to distinguish them from pale colours."""
    at = [
        (x, y)
        for y, values in enumerate(cells["mean"])
        for x, value in enumerate(values)
        if value is None
    ]
    if not at:
        return []
    line = {"width": 1.5, "color": NEUTRAL}
    return [
        scatter(
            "markers",
            [x for x, _ in at],
            [y for _, y in at],
            marker={"symbol": "x-thin", "size": 9, "color": NEUTRAL, "line": line},
            customdata=[said[y][x] for x, y in at],
            hovertemplate="%{customdata}<extra></extra>",
        )
    ]
