"""Positions on an axis, at the extremes of floating-point numbers."""

from __future__ import annotations

import math
from typing import Any

import pytest

from sweep.report.figures.axes import Scale


def factor(*values: float) -> dict[str, Any]:
    """An ordered factor of these levels, sampled on a logarithmic scale."""
    levels = [{"value": value, "label": f"{value:g}"} for value in values]
    return {"name": "learning_rate", "log": True, "levels": levels}


@pytest.mark.parametrize("values", [(5e-324, 1.0), (2e-311, 1.0), (1.0, 1.7e308)], ids=str)
def test_a_logarithmic_axis_reaches_the_smallest_and_the_largest_numbers(
    values: tuple[float, float],
) -> None:
    """It cannot extend beyond them."""
    scale = Scale.of(factor(*values))
    low, high = scale.axis(factor(*values))["range"]

    assert scale.log
    assert low <= math.log10(values[0]) < math.log10(values[1]) <= high < math.inf


def test_marks_are_offset_by_a_share_of_the_step() -> None:
    """In the axis' own unit: decades here."""
    scale = Scale.of(factor(1e-4, 1e-3, 1e-1))

    assert scale.step == pytest.approx(1.0)
    assert scale.place(1, 0.5) == pytest.approx(1e-3 * 10**0.5)
