"""Figures of the best trial's classification: precision-recall, MCC by threshold, calibration."""

from __future__ import annotations

from typing import Any

from sweep.report.figures.figure import ReportFigure, Tree
from sweep.report.figures.theme import COLOURS, NEUTRAL, axis, layout
from sweep.report.figures.view import ReportData
from sweep.terminal.formatting import number

SECTION = "The best trial"

CHOSEN = {
    "argmax": ("argmax", "circle", COLOURS[1]),
    "best": ("chosen on validation", "diamond", COLOURS[5]),
}
"""Reported decision thresholds: label, marker symbol, colour."""


def precision_recall(view: ReportData) -> list[ReportFigure]:
    """Precision-recall curve of the best trial."""
    return [_curve(view, "precision-recall", "Precision against recall", "recall", "precision")]


def mcc_by_threshold(view: ReportData) -> list[ReportFigure]:
    """MCC of the best trial by decision threshold."""
    return [_curve(view, "mcc-threshold", "MCC by threshold", "threshold", "mcc")]


def _curve(view: ReportData, key: str, title: str, x: str, y: str) -> ReportFigure:
    best = view.tree["best"]
    if best is None or not best.get("threshold_curve"):
        return ReportFigure(key, SECTION, title, empty=_missing(view, "counts by threshold"))
    curve = best["threshold_curve"]
    rows = zip(*(curve[name] for name in ("threshold", "precision", "recall", "mcc")), strict=True)
    chosen = [
        (name, best["chosen"][name])
        for name in CHOSEN
        if name in best["chosen"]
        and None not in (best["chosen"][name].get(x), best["chosen"][name].get(y))
    ]
    line = {
        "type": "scatter",
        "mode": "lines",
        "x": curve[x],
        "y": curve[y],
        "line": {"color": COLOURS[0], "width": 2},
        "customdata": [[number(v) for v in row] for row in rows],
        "hovertemplate": _HOVER,
        "showlegend": False,
    }
    names = [CHOSEN[name][0] for name, _ in chosen]
    figure = {
        "data": [line, *(_mark(name, at, x, y) for name, at in chosen)],
        "layout": layout(
            340,
            names,
            xaxis=axis(x, nticks=6, range=[-0.02, 1.02]),
            yaxis=axis("MCC" if y == "mcc" else y, nticks=6, **_whole(y)),
        ),
    }
    told = "; ".join(_says(name, at) for name, at in chosen)
    caption = (
        f"Trial {best['number']}, all validation residues together, at {len(curve['threshold'])} "
        "thresholds. The marks are the two decisions that are reported; the one chosen on "
        "validation is flattered by it. Other trials, seeds and data would give other curves."
    )
    return ReportFigure(
        key, SECTION, title, caption, f"{title}: {told or 'no decision stored'}.", figure
    )


_HOVER = (
    "threshold %{customdata[0]}<br>precision %{customdata[1]}<br>recall %{customdata[2]}"
    "<br>MCC %{customdata[3]}<extra></extra>"
)


def _whole(y: str) -> dict[str, Any]:
    return {"range": [-0.02, 1.02]} if y == "precision" else {"rangemode": "tozero"}


def _missing(view: ReportData, what: str) -> str:
    best = view.tree["best"]
    if best is None:
        return "No trial is complete." if view.trials else view.no_values()
    return f"The best trial, {best['number']}, has no {what} stored."


def _says(name: str, at: Tree) -> str:
    figures = [
        f"{key} {number(at.get(key))}" for key in ("threshold", "precision", "recall", "mcc")
    ]
    return f"{CHOSEN[name][0]}: {', '.join(figures)}"


def _mark(name: str, at: Tree, x: str, y: str) -> dict[str, Any]:
    label, symbol, colour = CHOSEN[name]
    said = [number(at.get(key)) for key in ("threshold", "precision", "recall", "mcc")]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": label,
        "legendgroup": label,
        "x": [at[x]],
        "y": [at[y]],
        "marker": {"symbol": symbol, "size": 12, "color": colour},
        "customdata": [said],
        "hovertemplate": f"<b>{label}</b><br>{_HOVER}",
        "showlegend": True,
    }


def calibration(view: ReportData) -> list[ReportFigure]:
    """Calibration curve of the best trial: observed share by predicted probability."""
    key, title = "calibration", "Calibration"
    best = view.tree["best"]
    found = None if best is None else best.get("calibration")
    if not found or not found["residues"]:
        return [ReportFigure(key, SECTION, title, empty=_missing(view, "calibration"))]
    bins = list(zip(found["probability"], found["observed"], found["residues"], strict=True))
    rows = [[number(p), number(o), f"{n:,}"] for p, o, n in bins]
    hover = (
        "predicted %{customdata[0]}<br>observed %{customdata[1]}<br>"
        "%{customdata[2]} residues<extra></extra>"
    )
    figure = {
        "data": [
            _diagonal(),
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": found["probability"],
                "y": found["observed"],
                "customdata": rows,
                "hovertemplate": hover,
                "line": {"color": COLOURS[0], "width": 1.5},
                "marker": {"size": 8, "color": COLOURS[0]},
                "showlegend": False,
            },
        ],
        "layout": layout(
            360,
            ["perfect"],
            xaxis=axis("predicted probability", nticks=6, range=[-0.03, 1.03]),
            yaxis=axis("observed share", nticks=6, range=[-0.03, 1.03]),
        ),
    }
    error = "" if found["ece"] is None else f" Expected calibration error {number(found['ece'])}."
    caption = (
        f"Trial {best['number']}, its validation residues in {len(bins)} bins by predicted "
        "probability. On the diagonal predictions are as sure as they are right; bins of few "
        f"residues scatter.{error}"
    )
    said = "; ".join(f"predicted {p}, observed {o}, {n} residues" for p, o, n in rows)
    return [ReportFigure(key, SECTION, title, caption, f"Calibration: {said}.{error}", figure)]


def _diagonal() -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "perfect",
        "legendgroup": "perfect",
        "x": [0, 1],
        "y": [0, 1],
        "line": {"color": NEUTRAL, "width": 1.5, "dash": "dash"},
        "hoverinfo": "skip",
        "showlegend": True,
    }
