"""Levels, fronts and the best trial, by their definitions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives.metrics.binary_measures import MEASURES
from sweep.analysis.rows import Row
from sweep.report.tree.factors import BINS, Reader, mean_of
from sweep.report.tree.trials import best_entry
from sweep.report.tree.trials_by_factor import front
from sweep.study.parameters import Float, Int

VALUES = st.lists(st.floats(1e-6, 1e3), min_size=13, max_size=60)


def rows_of(values: list[float]) -> list[Row]:
    """One trial per value of x, whose value is its index."""
    return [Row(i, {"x": value}, float(i)) for i, value in enumerate(values)]


@given(values=VALUES, log=st.booleans())
def test_every_value_is_in_exactly_one_bin(values: list[float], *, log: bool) -> None:
    """The smallest and the largest too, despite rounding at the edges."""
    factor = Reader(rows_of(values), {}).sampled("x", Float(1e-6, 1e3, log=log))

    assert factor.kind == "ordered" or len(factor.levels) <= BINS
    for value in values:
        assert sum(level.holds(value) for level in factor.levels) == 1, (value, factor.levels)


def test_bins_have_about_equal_counts() -> None:
    """Cut at quantiles, so that each mean has as many trials."""
    rows = rows_of([2.0**-i for i in range(60)])
    factor = Reader(rows, {}).sampled("x", Float(1e-20, 1.0, log=True))

    counts = [sum(level.holds(row.values["x"]) for row in rows) for level in factor.levels]

    assert counts == [10] * BINS


def test_few_integers_are_separate_levels() -> None:
    """A range of five depths is five levels."""
    factor = Reader(rows_of([3, 1, 2, 5, 1]), {}).sampled("x", Int(1, 5))

    assert [level.value for level in factor.levels] == [1.0, 2.0, 3.0, 5.0]
    assert (factor.kind, factor.says) == ("ordered", "1 to 5")


def test_one_configuration_has_a_mean_and_no_interval() -> None:
    """Two seeds of it have no information on other configurations."""
    rows = [Row(0, {}, 0.2), Row(1, {}, 0.4)]

    found = mean_of(rows, {0: 7, 1: 7}, lambda row: row.value)

    assert found["mean"] == pytest.approx(0.3)
    assert (found["n"], found["configurations"], found["low"], found["high"]) == (2, 1, None, None)


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), max_size=12),
    st.sampled_from([1.0, -1.0]),
)
def test_the_front_is_not_dominated(points: list[tuple[int, int]], sign: float) -> None:
    """By brute force: no other trial is as small and better, or smaller and as good."""
    rows = [Row(i, {}, float(v), size=float(s)) for i, (s, v) in enumerate(points)]

    found = front(rows, sign)

    def beaten(row: Row) -> bool:
        return any(
            (other.size or 0) <= (row.size or 0)
            and sign * other.value >= sign * row.value
            and (other.size, other.value) != (row.size, row.value)
            for other in rows
        )

    best = {(row.size, row.value) for row in rows if not beaten(row)}
    assert {(rows[n].size, rows[n].value) for n in found} == best
    assert len(found) == len(best)
    sizes = [rows[n].size for n in found]
    assert sizes == sorted(sizes)


def test_a_trial_without_predictions_has_none() -> None:
    """A trial without stored tables or curves has None."""
    found = best_entry(
        {"number": 3, "value": 0.5, "params": {"x": 1}, "metrics": {"a": 1.5}}, [], MEASURES
    )

    assert found is not None
    names = ("per_ligand", "threshold_curve", "calibration", "chosen")
    assert [found[name] for name in names] == [None, None, None, {}]
    assert found["metrics"] == {"a": 1.5}
