"""Style of figures: colours for light and dark backgrounds, layout for small screens.

Colours of text and grid lines are set by the page, by its light or dark theme.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

COLOURS = ("#216be0", "#b18e15", "#16a08c", "#a780e6", "#53761f", "#aa4471")
"""Colours of levels and parameters, contrast at least 3 on #ffffff and on #16181d.

Not all of Okabe and Ito's eight colours have that contrast (https://jfly.uni-koeln.de/color/).
These were found by maximising their distances in OKLab under this constraint, for normal vision
and for simulated protanopia, deuteranopia and tritanopia (Machado et al. 2009,
doi:10.1109/TVCG.2009.113).
"""

SYMBOLS = ("circle", "diamond", "square", "triangle-up", "pentagon", "star", "hexagram")
"""Seven symbols for six colours, so that 42 levels have distinct combinations."""

NEUTRAL = "#7d8590"
"""Colour of lines and marks that do not belong to a level."""

BAND = "rgba(125,133,144,0.28)"
"""Fill colour of null bands and intervals."""

STATES: Mapping[str, str] = {
    "complete": COLOURS[2],
    "pruned": COLOURS[3],
    "failed": "#c8501e",
    "interrupted": COLOURS[1],
    "running": COLOURS[0],
    "waiting": NEUTRAL,
    "spared": NEUTRAL,
}
"""Colour by outcome of a trial."""

SCALE: Sequence[tuple[float, str]] = (
    (0.0, "#00224e"),
    (0.25, "#434e6c"),
    (0.5, "#7d7c78"),
    (0.75, "#bcae6c"),
    (1.0, "#fee838"),
)
"""Cividis colour map: even in lightness, colour-blind safe (doi:10.1371/journal.pone.0199239)."""

CONFIG: Mapping[str, Any] = {
    "responsive": True,
    "displaylogo": False,
    "doubleClick": "reset",
    # sendChartToCloud would upload the data to a third party.
    "modeBarButtonsToRemove": ["sendChartToCloud", "select2d", "lasso2d", "autoScale2d"],
    "plotlyServerURL": "",
}
"""Configuration of ``Plotly.newPlot``."""

NARROW = 300
"""Width of a legend on a phone, in pixels."""

ROW = 20
"""Height of a legend line, in pixels."""


BAR = 32
"""Height of plotly's mode bar, in pixels; it is always visible on touch screens."""


def layout(height: int, legend: Sequence[str] = (), **more: Any) -> dict[str, Any]:
    """Plotly layout: transparent background, width from the page.

    Args:
        height: height of the plot with its axes, in pixels, without mode bar and legend.
        legend: legend entries; empty for no legend.
        more: further layout attributes.
    """
    rows = legend_rows(legend)
    below = ROW * rows + 8 if rows else 0
    return {
        "autosize": True,
        "height": BAR + height + below,
        "margin": {"l": 8, "r": 14, "t": BAR, "b": 8 + below, "pad": 2},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 13},
        "hovermode": "closest",
        "hoverlabel": {"align": "left", "namelength": -1},
        # Touch scrolls the page; the mode bar's buttons zoom.
        "dragmode": False,
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": NEUTRAL, "activecolor": COLOURS[0]},
        "showlegend": bool(rows),
        "legend": {
            "orientation": "h",
            "yref": "container",
            "y": 0,
            "yanchor": "bottom",
            "x": 0,
            "xanchor": "left",
            "font": {"size": 12},
            "itemsizing": "constant",
            "tracegroupgap": 0,
        },
        **more,
    }


def legend_rows(names: Sequence[str]) -> int:
    """Number of lines of a legend on a phone."""
    rows, used = 0, NARROW + 1
    for name in names:
        width = 48 + 7 * len(name)
        if used + width > NARROW:
            rows, used = rows + 1, 0
        used += width
    return rows


def axis(title: str = "", **more: Any) -> dict[str, Any]:
    """Plotly axis with automatic margins, an escaped title, and further attributes."""
    named = {"title": {"text": title, "standoff": 8, "font": {"size": 12}}} if title else {}
    return {"automargin": True, "zeroline": False, "tickfont": {"size": 12}, **named, **more}


def scatter(mode: str, x: Any, y: Any, name: str | None = None, **more: Any) -> dict[str, Any]:
    """Plotly scatter trace, which the legend lists if it has a name.

    Args:
        mode: ``lines``, ``markers``, ``lines+markers`` or ``none``.
        x: horizontal coordinates.
        y: vertical coordinates.
        name: legend label, escaped; traces of one name are toggled together.
        more: further attributes of the trace.
    """
    legend = {} if name is None else {"name": name, "legendgroup": name}
    trace = {"type": "scatter", "mode": mode, "x": x, "y": y, "showlegend": name is not None}
    return {**trace, **legend, **more}


def step_line(x: Any, y: Any, name: str) -> dict[str, Any]:
    """Line whose value applies from its point to the next, such as a best value so far."""
    line = {"color": NEUTRAL, "width": 2, "shape": "hv"}
    return scatter("lines", x, y, name, line=line, hoverinfo="skip")


def marker_size(n: int) -> int:
    """Dot size in pixels, smaller for many dots."""
    return 9 if n <= 100 else 7 if n <= 500 else 4


def opacity(n: int) -> float:
    """Dot opacity, lower for many dots so that overlaps are visible."""
    return 0.95 if n <= 100 else 0.85 if n <= 500 else 0.75


@dataclass(frozen=True)
class MarkerStyle:
    """Colour (hexadecimal) and plotly marker symbol of a level's marks."""

    colour: str
    symbol: str


OTHER = MarkerStyle(NEUTRAL, "circle")
"""Style of trials that belong to no level."""


def look(index: int) -> MarkerStyle:
    """Style of a level or parameter, by its index."""
    return MarkerStyle(COLOURS[index % len(COLOURS)], SYMBOLS[index % len(SYMBOLS)])
