"""Figure of the generalisation gap (training minus validation) by level of the dominant factor."""

from __future__ import annotations

from sweep.report.figures.dots import level_rows, level_says
from sweep.report.figures.figure import ReportFigure
from sweep.report.figures.text import listed, trials
from sweep.report.figures.thinned import drawn_of
from sweep.report.figures.view import ReportData

SECTION = "Learning"
KEY = "gap"


def gaps(view: ReportData) -> list[ReportFigure]:
    """Training minus validation value by level, one dot per trial."""
    title = "Training minus validation"
    of = [trial for trial in view.trials if trial["gap"] is not None]
    factor, levels = view.dominant, view.tree["gaps"]
    if not of or factor is None or not levels:
        reason = "No trial was scored on its training data too."
        return [
            ReportFigure(KEY, SECTION, title, empty=reason if view.trials else view.no_values())
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
    return [ReportFigure(KEY, SECTION, title, caption, f"{title}: {said}.", figure)]
