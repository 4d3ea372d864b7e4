"""Levels as rows: each with its trials, and beneath them its mean and interval."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sweep.report.figures.drawn import Figure, Tree
from sweep.report.figures.lines import rows_axis
from sweep.report.figures.palette import OTHER, look
from sweep.report.figures.strips import Cloud, Point, dots, joined, means, spread, value_range
from sweep.report.figures.theme import axis, layout
from sweep.report.figures.view import View, level_index
from sweep.report.figures.words import d3_format, safe

CLOUD, ABOVE, BELOW = 0.5, 0.12, 0.36
"""In rows: a cloud's height, its middle above the row's, and the mean below it."""


def level_rows(
    view: View,
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
