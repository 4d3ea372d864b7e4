"""Timeline figure: start, duration and outcome of each trial."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sweep.report.figures.figure import Figure, ReportFigure, Tree
from sweep.report.figures.text import listed, paragraph, safe, trials
from sweep.report.figures.theme import NEUTRAL, STATES, axis, layout
from sweep.report.figures.view import ReportData, drawn_of

SECTION = "History"
KEY = "timeline"


def timeline(view: ReportData) -> list[ReportFigure]:
    """Figure with one bar per trial, from its start, coloured by outcome."""
    title = "Trials over time"
    of = [t for t in view.trials if t["started"] is not None and _end(view, t) is not None]
    if not of:
        waiting = all(trial["kind"] == "waiting" for trial in view.trials)
        reason = "No trial has started." if waiting else "No trial says when it started and ended."
        return [
            ReportFigure(KEY, SECTION, title, empty=reason if view.trials else view.no_values())
        ]
    rest = len(view.trials) - len(of)
    left = f" Left out, without times: {trials(rest)}." if rest else ""
    caption = (
        f"{trials(len(of))}, a bar each from its start (UTC), as long as was measured; those that "
        f"run end at the time of this report.{left} "
        f"A bar's length depends on what else ran beside it.{drawn_of(of)}"
    )
    counts = view.tree["counts"]
    kinds = listed(f"{counts[kind]:,} {kind}" for kind in STATES if counts.get(kind))
    failures = listed((f"trial {t['number']}: {t['reason']}" for t in of if t["reason"]), 6)
    summary = f"{kinds}." + (f" Failures: {failures}." if failures else "")
    return [ReportFigure(KEY, SECTION, title, caption, summary, _figure(view, view.thinned(of)))]


def _end(view: ReportData, trial: Tree) -> str | None:
    """End time of a trial; for a running trial, when the report was made."""
    if trial["ended"] is None and trial["kind"] == "running":
        return str(view.tree["made"])
    return None if trial["ended"] is None else str(trial["ended"])


def _length(view: ReportData, trial: Tree) -> float:
    """Duration in milliseconds: as measured if known, else from clock times, which may be reset."""
    if trial["ended"] is not None and trial["seconds"]:
        return max(0.0, float(trial["seconds"]) * 1000)
    return _milliseconds(str(trial["started"]), _end(view, trial))


def _figure(view: ReportData, of: Sequence[Tree]) -> Figure:
    kinds = [kind for kind in STATES if any(trial["kind"] == kind for trial in of)]
    kinds += sorted({str(trial["kind"]) for trial in of} - set(kinds))
    data = [_bars(view, kind, [t for t in of if t["kind"] == kind], len(of)) for kind in kinds]
    rows = of[-1]["number"] - of[0]["number"] + 1
    return {
        "data": data,
        "layout": layout(
            max(120, min(480, 50 + 12 * rows)),
            kinds,
            barmode="overlay",
            xaxis=axis("UTC", type="date", nticks=5),
            yaxis=axis("trial", autorange="reversed", nticks=8, tickformat="d", showgrid=False),
        ),
    }


def _bars(view: ReportData, kind: str, of: Sequence[Tree], n: int) -> dict[str, Any]:
    """Trace of bars, from ``base`` with length ``x`` in milliseconds."""
    colour = STATES.get(kind, NEUTRAL)
    took = ["-" if t["seconds"] is None else f"{t['seconds']:,.4g} s" for t in of]
    extra = [took, [paragraph(t["reason"] or "-") for t in of]] if kind != "complete" else [took]
    names = ["took", "reason"][: len(extra)]
    return {
        "type": "bar",
        "orientation": "h",
        "name": safe(kind),
        "legendgroup": safe(kind),
        "base": [trial["started"] for trial in of],
        "x": [_length(view, trial) for trial in of],
        "y": [trial["number"] for trial in of],
        # The default width is the smallest distance between the trace's trial numbers.
        "width": 0.85 if n <= 200 else 1,
        # Without an outline, bars thinner than a pixel are invisible.
        "marker": {"color": colour, "line": {"width": 0.5 if n <= 400 else 1, "color": colour}},
        "customdata": view.hover.rows(of, *extra),
        "hovertemplate": view.hover.template(safe(kind), *names),
        "showlegend": True,
    }


def _milliseconds(start: str, end: str | None) -> float:
    """Milliseconds between two times; 0 if the clock was set back in between."""
    span = datetime.fromisoformat(str(end)) - datetime.fromisoformat(start)
    return max(0.0, span.total_seconds() * 1000)
