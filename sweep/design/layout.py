"""The runs of any design."""

from __future__ import annotations

from sweep.design.balanced import balanced_points
from sweep.design.pilot import pilot_points
from sweep.design.points import Point
from sweep.phases import Design, Pilot
from sweep.space import Space


def design_points(space: Space, design: Design | Pilot | None) -> tuple[Point, ...]:
    """The runs of a design or pilot, in order; none without one."""
    if design is None:
        return ()
    if isinstance(design, Pilot):
        return pilot_points(space, design)
    return balanced_points(space, design)
