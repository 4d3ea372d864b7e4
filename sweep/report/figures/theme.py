"""How figures look: colours that hold on white and on near black, layout that fits a phone.

Fonts' and grids' colours are not set here: the page sets them to its light or dark theme.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweep.report.figures.figure import Tree

COLOURS = ("#216be0", "#b18e15", "#16a08c", "#a780e6", "#53761f", "#aa4471")
"""Colours of levels and parameters, contrast at least 3 on #ffffff and on #16181d.

Okabe and Ito's eight do not all have that (https://jfly.uni-koeln.de/color/): these were searched
for under it, as far apart as can be in OKLab for normal vision and as simulated for protanopia,
deuteranopia and tritanopia (Machado et al. 2009, doi:10.1109/TVCG.2009.113).
"""

SYMBOLS = ("circle", "diamond", "square", "triangle-up", "pentagon", "star", "hexagram")
"""One more than colours, so that level 7 differs from level 1 by symbol and 42 differ by both."""

NEUTRAL = "#7d8590"
"""Lines and marks that stand for no level."""

BAND = "rgba(125,133,144,0.28)"
"""Areas: chance, intervals."""

STATES: Mapping[str, str] = {
    "complete": COLOURS[2],
    "pruned": COLOURS[3],
    "failed": "#c8501e",
    "interrupted": COLOURS[1],
    "running": COLOURS[0],
    "waiting": NEUTRAL,
    "spared": NEUTRAL,
}
"""What became of a trial."""

SCALE: Sequence[tuple[float, str]] = (
    (0.0, "#00224e"),
    (0.25, "#434e6c"),
    (0.5, "#7d7c78"),
    (0.75, "#bcae6c"),
    (1.0, "#fee838"),
)
"""Cividis: even in lightness, the same to colour-blind eyes (doi:10.1371/journal.pone.0199239)."""

CONFIG: Mapping[str, Any] = {
    "responsive": True,
    "displaylogo": False,
    "doubleClick": "reset",
    # sendChartToCloud would upload the data to a third party.
    "modeBarButtonsToRemove": ["sendChartToCloud", "select2d", "lasso2d", "autoScale2d"],
    "plotlyServerURL": "",
}
"""For ``Plotly.newPlot``."""

NARROW = 300
"""Pixels that a legend has on a phone."""

ROW = 20
"""Pixels of a line of a legend."""


BAR = 32
"""Pixels of plotly's bar of buttons, which stays on top of a figure on a touch screen."""


def layout(height: int, legend: Sequence[str] = (), **more: Any) -> dict[str, Any]:
    """A layout: transparent, as wide as the page lets it be.

    Args:
        height: of the plot with its axes, in pixels, without buttons above and legend below.
        legend: what the legend lists; empty for none.
        more: further attributes.
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
        # A finger on a figure scrolls the page; the bar's buttons zoom.
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
    """Lines that a legend takes on a phone, entry after entry."""
    rows, used = 0, NARROW + 1
    for name in names:
        width = 48 + 7 * len(name)
        if used + width > NARROW:
            rows, used = rows + 1, 0
        used += width
    return rows


def axis(title: str = "", **more: Any) -> dict[str, Any]:
    """An axis that makes room for its labels.

    Args:
        title: escaped by whoever calls.
        more: further attributes.
    """
    named = {"title": {"text": title, "standoff": 8, "font": {"size": 12}}} if title else {}
    return {"automargin": True, "zeroline": False, "tickfont": {"size": 12}, **named, **more}


def marker_size(n: int) -> int:
    """Pixels of a dot, so that a cloud of many is still a cloud."""
    return 9 if n <= 100 else 7 if n <= 500 else 4


def opacity(n: int) -> float:
    """Of dots, so that overlapping ones can be told."""
    return 0.95 if n <= 100 else 0.85 if n <= 500 else 0.75


@dataclass(frozen=True)
class MarkerStyle:
    """How marks of one level look.

    Attributes:
        colour: hexadecimal.
        symbol: plotly's name of the marker.
    """

    colour: str
    symbol: str


OTHER = MarkerStyle(NEUTRAL, "circle")
"""What has no level of its own."""


def look(index: int) -> MarkerStyle:
    """The look of a factor's level, or of a parameter, by its place among them."""
    return MarkerStyle(COLOURS[index % len(COLOURS)], SYMBOLS[index % len(SYMBOLS)])


def parameter_looks(factors: Sequence[Tree]) -> dict[str, MarkerStyle]:
    """Each parameter's look, by its place in the space."""
    return {factor["name"]: look(i) for i, factor in enumerate(factors)}
