"""Figures of estimates as dots with intervals, one per row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sweep.report.figures.figure import Figure
from sweep.report.figures.text import paragraph, wrapped
from sweep.report.figures.theme import BAND, NEUTRAL, axis, layout, scatter

ROW_HEIGHT = 40
"""Height in pixels of a row with a label of two lines."""

REACH = 0.34
"""Half the height of a row's null band, in units of rows."""


@dataclass(frozen=True)
class Estimate:
    """One row: an estimate with its interval.

    Attributes:
        band: upper end of the band of values expected by chance, which begins at 0; None if
            unknown.
        hollow: whether the estimate is not significant.
    """

    label: str
    value: float
    low: float
    high: float
    says: str
    colour: str = NEUTRAL
    symbol: str = "circle"
    band: float | None = None
    hollow: bool = False


def estimates_figure(
    rows: Sequence[Estimate],
    title: str,
    band: str = "",
    bound: tuple[str, float] | None = None,
    **more: Any,
) -> Figure:
    """Figure of estimates, one per row, the first on top.

    Args:
        rows: the estimates.
        title: title of the horizontal axis, escaped.
        band: legend label of the bands, escaped.
        bound: legend label, escaped, and position of a vertical line through all rows.
        more: further attributes of the horizontal axis.
    """
    areas = [_bands(rows, band), _ends(rows)] if any(r.band is not None for r in rows) else []
    across = [] if bound is None else [_bound(*bound, len(rows))]
    data = [*areas, *across, *map(_interval, rows, range(len(rows))), _dots(rows)]
    return {
        "data": data,
        "layout": layout(
            row_height([row.label for row in rows]) * len(rows) + 40,
            [trace["name"] for trace in data if trace["showlegend"]],
            xaxis=axis(title, **more),
            yaxis=rows_axis([row.label for row in rows]),
        ),
    }


def row_height(labels: Sequence[str]) -> int:
    """Height in pixels of a row that fits every label."""
    return ROW_HEIGHT + 10 * any(wrapped(label).count("<br>") > 1 for label in labels)


def rows_axis(labels: Sequence[str]) -> dict[str, Any]:
    """Plotly vertical axis with one label per row, the first on top."""
    return axis(
        tickvals=list(range(len(labels))),
        ticktext=[wrapped(label) for label in labels],
        range=[len(labels) - 0.45, -0.55],
        ticklabelstandoff=6,
        showgrid=False,
        fixedrange=True,
    )


def _bands(rows: Sequence[Estimate], name: str) -> dict[str, Any]:
    """Trace of the bands expected by chance, as areas from 0."""
    xs: list[float | None] = []
    ys: list[float | None] = []
    for y, row in enumerate(rows):
        if row.band is not None:
            xs += [0, row.band, row.band, 0, None]
            ys += [y - REACH, y - REACH, y + REACH, y + REACH, None]
    return scatter("none", xs, ys, name, fill="toself", fillcolor=BAND, hoverinfo="skip")


def _ends(rows: Sequence[Estimate]) -> dict[str, Any]:
    """Trace of ticks at the bands' ends, since a narrow area is hardly visible."""
    at = [(row.band, y) for y, row in enumerate(rows) if row.band is not None]
    line = {"width": 1.5, "color": NEUTRAL}
    return scatter(
        "markers",
        [x for x, _ in at],
        [y for _, y in at],
        marker={"symbol": "line-ns", "size": REACH * ROW_HEIGHT, "line": line},
        hoverinfo="skip",
        cliponaxis=False,
    )


def _bound(name: str, at: float, rows: int) -> dict[str, Any]:
    line = {"color": NEUTRAL, "width": 1.5, "dash": "dash"}
    return scatter("lines", [at, at], [-0.5, rows - 0.5], name, line=line, hoverinfo="skip")


def _interval(row: Estimate, y: int) -> dict[str, Any]:
    line = {"color": row.colour, "width": 3}
    ends = [row.low, row.high]
    return scatter("lines", ends, [y, y], line=line, hoverinfo="skip", cliponaxis=False)


def _dots(rows: Sequence[Estimate]) -> dict[str, Any]:
    colours = [row.colour for row in rows]
    return scatter(
        "markers",
        [row.value for row in rows],
        list(range(len(rows))),
        marker={
            "size": 12,
            "symbol": [row.symbol + ("-open" if row.hollow else "") for row in rows],
            "color": colours,
            "line": {"width": 2, "color": colours},
        },
        customdata=[[paragraph(row.says)] for row in rows],
        hovertemplate="%{customdata[0]}<extra></extra>",
        cliponaxis=False,
    )
