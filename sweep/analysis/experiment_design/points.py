"""The runs of a design or a pilot."""

from __future__ import annotations

from sweep.analysis.experiment_design.balanced import balanced_points
from sweep.analysis.experiment_design.pilot import pilot_points
from sweep.study.design import Design, Pilot, Point
from sweep.study.space import Space


def design_points(space: Space, design: Design | Pilot | None) -> tuple[Point, ...]:
    """The runs of a design or pilot, in run order; empty if ``design`` is None."""
    if design is None:
        return ()
    if isinstance(design, Pilot):
        return pilot_points(space, design)
    return balanced_points(space, design)
