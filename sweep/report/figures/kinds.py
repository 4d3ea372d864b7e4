"""The kinds of figures that a report has, in the order in which a page shows them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sweep.report.figures.classification import calibration, mcc_by_threshold, precision_recall
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
from sweep.report.figures.view import ReportData


@dataclass(frozen=True)
class FigureKind:
    """A kind of figure, of which a report may have several.

    Attributes:
        name: the key of its figures, or how their keys begin.
        section: what they are shown under.
        draw: makes them from a report's tree; at least one, however little the tree holds.
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
    FigureKind("precision-recall", "The best trial", precision_recall),
    FigureKind("mcc-threshold", "The best trial", mcc_by_threshold),
    FigureKind("calibration", "The best trial", calibration),
    FigureKind("history", "History", history),
    FigureKind("parallel", "History", parallel),
    FigureKind("timeline", "History", timeline),
)
"""In the order in which a page shows them."""


def draw(tree: Tree) -> list[ReportFigure]:
    """Draw every figure of a report.

    Args:
        tree: as ``sweep.report.tree.build.report_tree`` makes it.

    Returns:
        In the order of a page; where there is nothing to draw, with the reason.
    """
    view = ReportData(tree)
    return [drawn for kind in FIGURES for drawn in kind.draw(view)]
