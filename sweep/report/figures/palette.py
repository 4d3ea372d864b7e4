"""Which colour and symbol a level has: the same in all figures, in any order of trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sweep.report.figures.drawn import Tree
from sweep.report.figures.theme import COLOURS, NEUTRAL, SYMBOLS


@dataclass(frozen=True)
class Look:
    """How marks of one level look.

    Attributes:
        colour: hexadecimal.
        symbol: plotly's name of the marker.
    """

    colour: str
    symbol: str


OTHER = Look(NEUTRAL, "circle")
"""What has no level of its own."""


def look(index: int) -> Look:
    """The look of a factor's level, or of a parameter, by its place among them."""
    return Look(COLOURS[index % len(COLOURS)], SYMBOLS[index % len(SYMBOLS)])


def parameter_looks(factors: Sequence[Tree]) -> dict[str, Look]:
    """Each parameter's look, by its place in the space."""
    return {factor["name"]: look(i) for i, factor in enumerate(factors)}
