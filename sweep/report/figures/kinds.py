"""The figures of a report, in the order in which the page shows them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sweep.report.figures.effects import effects
from sweep.report.figures.figure import ReportFigure, Tree
from sweep.report.figures.generalization_gap import gaps
from sweep.report.figures.heat_map import heat_maps
from sweep.report.figures.history import history
from sweep.report.figures.importance import effects_of_verdict, importance, modules
from sweep.report.figures.learning_curves import curves
from sweep.report.figures.parallel_coordinates import parallel
from sweep.report.figures.parameter_count import sizes
from sweep.report.figures.timeline import timeline
from sweep.report.figures.trial_curves import trial_curves
from sweep.report.figures.view import ReportData


@dataclass(frozen=True)
class FigureKind:
    """A kind of figure; a report may have several of each.

    Attributes:
        name: key, or prefix of the keys, of its figures; those of ``trial-curves`` have the keys
            that the study's objective gives.
        section: heading of their section.
        draw: function from the report data to its figures, at least one even if all are empty.
    """

    name: str
    section: str
    draw: Callable[[ReportData], Sequence[ReportFigure]]


FIGURES: tuple[FigureKind, ...] = (
    FigureKind("importance", "What mattered", importance),
    FigureKind("variance-components", "What mattered", effects_of_verdict),
    FigureKind("modules", "What mattered", modules),
    FigureKind("effect", "Effects", effects),
    FigureKind("heat", "Factors together", heat_maps),
    FigureKind("size", "Size", sizes),
    FigureKind("curves", "Learning", curves),
    FigureKind("gap", "Learning", gaps),
    FigureKind("trial-curves", "The best trial", trial_curves),
    FigureKind("history", "History", history),
    FigureKind("parallel", "History", parallel),
    FigureKind("timeline", "History", timeline),
)
"""All kinds of figures, in the order in which the page shows them."""


def draw(tree: Tree) -> list[ReportFigure]:
    """Draw every figure of a report.

    Args:
        tree: result of ``sweep.report.tree.build.report_tree``.

    Returns:
        The figures in page order; those with nothing to draw contain the reason.
    """
    view = ReportData(tree)
    return [drawn for kind in FIGURES for drawn in kind.draw(view)]
