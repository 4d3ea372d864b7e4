"""Figures of learning: curves of all trials, and the gap between training and validation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sweep.report.figures.dots import level_rows, level_says
from sweep.report.figures.figure import Figure, ReportFigure, Tree
from sweep.report.figures.text import d3_format, listed, safe, trials
from sweep.report.figures.theme import axis, layout, scatter
from sweep.report.figures.view import Group, ReportData, drawn_of
from sweep.terminal.formatting import number

SECTION = "Learning"
KEY = "curves"

DASHES = {"complete": "solid", "pruned": "dash", "running": "dot"}
"""Line style by outcome; others are ``solid`` with a cross at the end."""

FULL = 3000
"""Largest number of points with full hover labels; with more, only the last of each curve has."""

MANY = 60
"""With more curves, lines are thin and faint."""

Read = Callable[[Tree], Any]


def curves(view: ReportData) -> list[ReportFigure]:
    """Validation value by step, and the training loss where it is known."""
    title = f"{view.value_start} while training"
    of = [trial for trial in view.trials if trial["curve"]]
    if not of:
        reason = "No trial has reported anything while training."
        reason = reason if view.trials else view.no_values()
        return [ReportFigure(KEY, SECTION, title, empty=reason)]
    kinds = Counter(str(trial["kind"]) for trial in of)
    counts = listed(f"{n:,} {kind}" for kind, n in kinds.items())
    second = " Below: training loss." if _with_loss(of) else ""
    caption = (
        f"{trials(len(of))} that reported while training ({counts}), a line each; pruned ones "
        f"dashed, running ones dotted, a cross where one failed.{second} Lines that end early had "
        f"no chance to rise late.{drawn_of(of)}"
    )
    summary = _summary(view, of)
    return [ReportFigure(KEY, SECTION, title, caption, summary, _figure(view, view.thinned(of)))]


def _with_loss(of: Sequence[Tree]) -> list[Tree]:
    return [trial for trial in of if any(p["loss"] is not None for p in trial["curve"])]


def _summary(view: ReportData, of: Sequence[Tree]) -> str:
    """Text alternative: number of curves, and first and last value of the three best trials."""
    numbers = [n for n in view.tree["ranking"] if view.by_number[n]["curve"]][:3]
    said = listed(_course(view.by_number[n]) for n in numbers)
    return f"{trials(len(of))} with curves. Best of them: {said or 'none has a value'}."


def _course(trial: Tree) -> str:
    first, last = trial["curve"][0], trial["curve"][-1]
    return (
        f"trial {trial['number']} from {number(first['value'])} at step {first['step']:,} to "
        f"{number(last['value'])} at step {last['step']:,}"
    )


def _figure(view: ReportData, of: Sequence[Tree]) -> Figure:
    losses = _with_loss(of)
    groups = view.groups(of)
    several = len(groups) > 1
    full = sum(len(trial["curve"]) for trial in of) <= FULL
    data = [t for group in groups for t in _panel(view, group, "value", full=full, n=len(of))]
    for group in view.groups(losses):
        data += _panel(view, group, "loss", full=full, n=len(of))
    data = [trace for trace in data if any(y is not None for y in trace["y"])]
    _list_once(data, listed=several)
    names = [group.label for group in groups] if several else []
    top = axis(view.value_title, nticks=6, **({"domain": [0.44, 1]} if losses else {}))
    lower = {"yaxis2": axis("training loss", nticks=5, domain=[0, 0.36])} if losses else {}
    return {
        "data": data,
        "layout": layout(
            520 if losses else 360,
            names,
            xaxis=axis("step", nticks=6, showgrid=False, rangemode="tozero")
            | ({"anchor": "y2"} if losses else {}),
            yaxis=top,
            **lower,
        ),
    }


def _list_once(data: Iterable[dict[str, Any]], *, listed: bool) -> None:
    """Show one legend entry per level, which toggles all of its traces."""
    seen: set[str] = set()
    for trace in data:
        trace["showlegend"] = listed and trace["legendgroup"] not in seen
        seen.add(trace["legendgroup"])


def _panel(
    view: ReportData, group: Group, what: str, *, full: bool, n: int
) -> list[dict[str, Any]]:
    """Traces of one level: lines by line style, then the last point of each curve."""
    by_dash: dict[str, list[Tree]] = {}
    for trial in group.trials:
        by_dash.setdefault(DASHES.get(trial["kind"], "solid"), []).append(trial)
    common = {"name": safe(group.label), **({"yaxis": "y2"} if what == "loss" else {})}
    made = [
        scatter(
            "lines",
            **_gapped(view, of, what, full=full),
            **common,
            line={"color": group.look.colour, "dash": dash, "width": 1.5 if n <= MANY else 1},
            opacity=0.9 if n <= MANY else 0.7,
        )
        for dash in DASHES.values()
        if (of := by_dash.get(dash))
    ]
    return [*made, scatter("markers", **_last(view, group, what, n=n), **common)]


def _gapped(view: ReportData, of: Sequence[Tree], what: str, *, full: bool) -> dict[str, Any]:
    """Curves concatenated in one trace, separated by gaps (None)."""
    xs: list[Any] = []
    ys: list[Any] = []
    rows: list[Any] = []
    for trial, row in zip(of, view.hover.rows(of), strict=True):
        known = [point for point in trial["curve"] if point[what] is not None]
        xs += [*(point["step"] for point in known), None]
        ys += [*(point[what] for point in known), None]
        rows += [row if full else row[:1]] * len(known) + [None]
    first = _says(view, what, ys)
    template = view.hover.template(first) if full else view.hover.short(first)
    return {"x": xs, "y": ys, "customdata": rows, "hovertemplate": template}


def _says(view: ReportData, what: str, ys: Sequence[Any]) -> str:
    name = view.value_title if what == "value" else "loss"
    shape = d3_format([y for y in ys if y is not None])
    return f"{name} %{{y:{shape}}} at step %{{x}}"


def _last(view: ReportData, group: Group, what: str, *, n: int) -> dict[str, Any]:
    """Marks of the last point of each curve, with the trial's outcome in its hover label."""
    ends = []
    for trial in group.trials:
        known = [point for point in trial["curve"] if point[what] is not None]
        if known:
            ends.append((trial, known[-1]))
    of = [trial for trial, _ in ends]
    ys = [point[what] for _, point in ends]
    extra = [_came_to(trial) for trial in of]
    crossed = [trial["kind"] not in DASHES for trial in of]
    small = 5 if n <= MANY else 3
    return {
        "x": [point["step"] for _, point in ends],
        "y": ys,
        "marker": {
            "color": group.look.colour,
            "symbol": ["x" if cross else "circle" for cross in crossed]
            if any(crossed)
            else "circle",
            "size": [9 if cross else small for cross in crossed] if any(crossed) else small,
            "opacity": 0.9,
        },
        "customdata": view.hover.rows(of, extra),
        "hovertemplate": view.hover.template(_says(view, what, ys), ""),
    }


def _came_to(trial: Tree) -> str:
    reason = trial["reason"]
    return safe(trial["kind"] if not reason else f"{trial['kind']}: {reason}")


def gaps(view: ReportData) -> list[ReportFigure]:
    """Training minus validation value by level of the dominant factor, one dot per trial."""
    key, title = "gap", "Training minus validation"
    of = [trial for trial in view.trials if trial["gap"] is not None]
    factor, levels = view.dominant, view.tree["gaps"]
    if not of or factor is None or not levels:
        reason = "No trial was scored on its training data too."
        return [
            ReportFigure(key, SECTION, title, empty=reason if view.trials else view.no_values())
        ]
    figure = level_rows(view, factor, levels, of, lambda trial: float(trial["gap"]), "gap")
    caption = (
        f"{view.value_start} on training minus validation data of {trials(len(of))}, a dot each; "
        f"diamonds: means, with {view.tree['interval']}. Far from 0 a trial has learned its "
        "training data by heart; near 0 it may have learned nothing at all."
        f"{drawn_of(of)}"
    )
    said = listed(level_says(level) for level in levels)
    title = f"{title} by {factor['name']}"
    return [ReportFigure(key, SECTION, title, caption, f"{title}: {said}.", figure)]
