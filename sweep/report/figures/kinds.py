"""The figures of a report, in the order in which the page shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sweep.report.figures.effects import effects
from sweep.report.figures.figure import ReportFigure, Tree
from sweep.report.figures.heat_map import heat_maps
from sweep.report.figures.history import history
from sweep.report.figures.importance import effects_of_verdict, importance, modules
from sweep.report.figures.learning_curves import curves, gaps
from sweep.report.figures.parallel_coordinates import parallel
from sweep.report.figures.parameter_count import sizes
from sweep.report.figures.timeline import timeline
from sweep.report.figures.trial_curves import trial_curves
from sweep.report.figures.view import ReportData

FIGURES: Mapping[str, Callable[[ReportData], Sequence[ReportFigure]]] = {
    "importance": importance,
    "variance-components": effects_of_verdict,
    "modules": modules,
    "effect": effects,
    "heat": heat_maps,
    "size": sizes,
    "curves": curves,
    "gap": gaps,
    "trial-curves": trial_curves,
    "history": history,
    "parallel": parallel,
    "timeline": timeline,
}
"""Functions from the report data to figures, at least one even if all are empty; in page order.

Each name is the key, or prefix of the keys, of the figures; those of ``trial-curves`` have the keys
that the study's objective gives.
"""


def draw(tree: Tree) -> list[ReportFigure]:
    """All figures of a ``report_tree``, in page order; those with nothing to draw say why."""
    view = ReportData(tree)
    return [drawn for figures in FIGURES.values() for drawn in figures(view)]
