"""Figure of the value against the number of trained parameters, with the Pareto front."""

from __future__ import annotations

from sweep.report.figures.axes import log_axis
from sweep.report.figures.dots import Cloud, Point, dots
from sweep.report.figures.figure import ReportFigure, Tree
from sweep.report.figures.text import listed, safe, trials
from sweep.report.figures.theme import axis, layout, step_line
from sweep.report.figures.view import ReportData, drawn_of
from sweep.terminal.formatting import number

SECTION = "Size"
KEY = "size"


def sizes(view: ReportData) -> list[ReportFigure]:
    """Value against trained parameters, coloured by the dominant factor."""
    what = str(view.tree["sizes"] or "trained parameters")
    title = f"{view.value_start} against {what}"
    of = [trial for trial in view.valued if (trial["size"] or 0) > 0]
    if not of:
        reason = "No trial says how many parameters it trained."
        return [
            ReportFigure(KEY, SECTION, title, empty=reason if view.valued else view.no_values())
        ]
    points: dict[int, Point] = {
        trial["number"]: (trial, trial["size"], trial["value"]) for trial in of
    }
    known = [trial["size"] for trial in of]
    groups = view.groups(view.thinned(of))
    data = [
        dots(
            view,
            [points[trial["number"]] for trial in group.trials],
            Cloud(safe(group.label), group.look, len(of), legend=True),
            rows=False,
            says=f"{view.value_says}<br>%{{x:,}} {safe(what)}",
        )
        for group in groups
    ]
    front = [view.by_number[n] for n in view.tree["front"] if n in points]
    names = [group.label for group in groups]
    if len(front) > 1:
        data.insert(0, _front(front))
        names.append("Pareto front")
    figure = {
        "data": data,
        "layout": layout(
            360,
            names,
            xaxis=log_axis(safe(what), min(known), max(known), tickformat="~s"),
            yaxis=axis(view.value_title, nticks=7),
        ),
    }
    caption = (
        f"{trials(len(of))} by {what}, on a logarithmic axis. The line is the Pareto front: no "
        f"trial with fewer parameters is better ({view.better} is better); that is what came out, "
        f"the luck of each trial included.{drawn_of(of)}"
    )
    said = listed(
        f"trial {t['number']} with {number(t['size'])} parameters: {number(t['value'])}"
        for t in front
    )
    summary = f"Pareto front, few parameters first: {said or 'none'}."
    return [ReportFigure(KEY, SECTION, title, caption, summary, figure)]


def _front(front: list[Tree]) -> dict[str, object]:
    """Step line of the Pareto front: between two sizes, the smaller one's value applies."""
    sizes, values = [trial["size"] for trial in front], [trial["value"] for trial in front]
    return step_line(sizes, values, "Pareto front")
