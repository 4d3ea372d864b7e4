"""Optimization history: values in trial order, phases, baselines, best value so far."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from sweep.report.figures.figure import Figure, ReportFigure, Tree
from sweep.report.figures.text import clipped, listed, safe, trials
from sweep.report.figures.theme import (
    NEUTRAL,
    axis,
    layout,
    marker_size,
    opacity,
    scatter,
    step_line,
)
from sweep.report.figures.view import ReportData, are_many, drawn_of
from sweep.terminal.formatting import number

SECTION = "History"
KEY = "history"

PHASE_SYMBOLS = ("circle", "triangle-up", "square", "diamond")
"""Marker symbols of the phases, in order of their first trials."""

DASHES = ("dash", "dot", "dashdot", "longdash")


def history(view: ReportData) -> list[ReportFigure]:
    """Figure of the value by trial number."""
    title = f"{view.value_start} by trial"
    if not view.valued:
        return [ReportFigure(KEY, SECTION, title, empty=view.no_values())]
    best = view.tree["best_so_far"]
    without = len(view.trials) - len(view.valued)
    phases = list(dict.fromkeys(map(_phase, view.valued)))  # in order of their first trials
    by_symbol = " Symbols tell phases." if len(phases) > 1 else ""
    lines = " Broken lines: means of the baselines." if view.tree["baseline_means"] else ""
    rest = f" Without a value, and so only in the timeline: {trials(without)}." if without else ""
    caption = (
        f"{trials(len(view.valued))} in order. Step line: the best so far ({view.better} is "
        f"better).{by_symbol}{lines}{rest} Later trials of a search are better because they were "
        "chosen to be; that tells nothing about any parameter."
        f"{drawn_of(view.valued)}"
    )
    figure = _figure(view, best, phases)
    return [ReportFigure(KEY, SECTION, title, caption, _summary(view, best), figure)]


def _phase(trial: Tree) -> str:
    return str(trial["phase"] or "no phase")


def _summary(view: ReportData, best: Sequence[Tree]) -> str:
    steps = [
        b for a, b in zip([None, *best], best, strict=False) if not a or a["best"] != b["best"]
    ]
    said = listed((f"trial {s['number']}: {number(s['best'])}" for s in steps[-8:]), 8)
    baselines = [
        f"baseline {clipped(b['name'], 60)}: {number(b['mean'])}"
        for b in view.tree["baseline_means"]
    ]
    beside = f" {listed(baselines)}." if baselines else ""
    return f"Best so far: {said or 'none'}.{beside}"


def _figure(view: ReportData, best: Sequence[Tree], phases: Sequence[str]) -> Figure:
    groups = view.groups(view.thinned(view.valued))
    symbols = dict(zip(phases, PHASE_SYMBOLS * len(phases), strict=False))
    data = [*_baselines(view), _best_line(best)] if best else _baselines(view)
    names = [trace["name"] for trace in data]
    for group in groups:
        data.append(_trials(view, group.label, group.look.colour, group.trials, symbols))
        names += [group.label] if len(groups) > 1 else []
        data[-1]["showlegend"] = len(groups) > 1
    if len(phases) > 1:
        data += [_key_of(name, symbols[name]) for name in phases]
        names += phases
    return {
        "data": data,
        "layout": layout(
            340,
            names,
            xaxis=axis("trial", nticks=7, showgrid=False, tickformat="d"),
            yaxis=axis(view.value_title, nticks=7),
        ),
    }


def _trials(
    view: ReportData, label: str, colour: str, of: Sequence[Tree], symbols: dict[str, str]
) -> dict[str, Any]:
    drawn = [symbols[_phase(trial)] for trial in of]
    n = len(view.valued)
    return scatter(
        "markers",
        [trial["number"] for trial in of],
        [trial["value"] for trial in of],
        safe(label),
        marker={
            "symbol": drawn if len(symbols) > 1 else drawn[0],
            "color": colour,
            "size": marker_size(n),
            "opacity": opacity(n),
        },
        customdata=view.hover.rows(of),
        hovertemplate=view.hover.template(view.value_says),
    )


def _key_of(name: str, symbol: str) -> dict[str, Any]:
    """A trace without points that adds a phase's symbol to the legend."""
    marker = {"symbol": symbol, "color": NEUTRAL, "size": 9}
    group = f"phase {safe(name)}"
    return scatter(
        "markers", [None], [None], safe(name), legendgroup=group, marker=marker, hoverinfo="skip"
    )


def _best_line(best: Sequence[Tree]) -> dict[str, Any]:
    """Step line of the best value so far; a long study's omits trials that do not change it."""
    if are_many(best):
        rises = [b for a, b in itertools.pairwise(best) if a["best"] != b["best"]]
        best = [best[0], *rises, best[-1]]
    numbers, values = [step["number"] for step in best], [step["best"] for step in best]
    return step_line(numbers, values, "best so far")


def _baseline_says(baseline: Tree) -> str:
    name = safe(clipped(baseline["name"], 40))
    return f"{name}: {number(baseline['mean'])}, n={baseline['n']}"


def _baselines(view: ReportData) -> list[dict[str, Any]]:
    """Horizontal lines at the baselines' means, from the first trial to the last."""
    ends = [view.valued[0]["number"], view.valued[-1]["number"]]
    return [
        scatter(
            "lines",
            ends,
            [b["mean"], b["mean"]],
            f"baseline {safe(clipped(b['name'], 24))}",
            legendgroup=f"baseline {i}",
            line={"color": NEUTRAL, "width": 1.5, "dash": DASHES[i % len(DASHES)]},
            hovertemplate=f"{_baseline_says(b)}<extra></extra>",
        )
        for i, b in enumerate(view.tree["baseline_means"])
    ]
