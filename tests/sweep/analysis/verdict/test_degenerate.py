"""Degenerate tables have a verdict without an answer, never an error."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from judged import ABOUT_T, TINY, quick, simple_table, sound, with_values

from sweep.analysis.rows import Row
from sweep.analysis.table import TrialTable
from sweep.analysis.verdict.verdict import judge
from sweep.errors import SpecError
from sweep.study.claim import Claim
from sweep.study.parameters import Choice, Float
from sweep.study.space import Space

SPACE = Space(
    {"t": Choice(*"pqrsv"), "a": Choice(1.0, 2.0, 4.0), "u": Float(-1.0, 1.0), "w": Choice("x")}
)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 6, 9])
def test_a_few_trials_have_no_verdict(n: int) -> None:
    """From zero trials on, with and without cross-checks."""
    table = simple_table(9, lambda at: at["u"], noise=0.1)
    few = TrialTable.from_rows(table.rows[:n], space=table.space)

    for cross_checks in (False, True):
        found = judge(few, ABOUT_T, n_draws=200, cross_checks=cross_checks, checks=TINY)

        sound(found)
        assert found.n_trials == n


def test_an_empty_study_has_its_own_reason() -> None:
    """No trial is eligible."""
    found = judge(TrialTable.from_rows([], space=SPACE), ABOUT_T, n_draws=200, checks=TINY)

    assert found.guards == ("0 trials count, with 0 different values: nothing varied",)


def test_one_configuration_of_many_seeds_has_no_verdict() -> None:
    """The variance is noise: only the seed varied."""
    values = {"t": "p", "a": 1.0, "u": 0.5, "w": "x"}
    noise = np.random.default_rng(0).normal(size=40)
    rows = [Row(i, values, float(v), seed=i) for i, v in enumerate(noise)]

    found = judge(TrialTable.from_rows(rows, space=SPACE), ABOUT_T, n_draws=200, checks=TINY)

    sound(found)
    assert found.n_configurations == 1
    assert any("t never varied" in guard for guard in found.guards)


def test_one_parameter_has_no_comparison() -> None:
    """A claim needs another parameter to dominate, and the space has none."""
    table = TrialTable.from_arrays({"x": np.arange(40.0)}, np.arange(40.0))

    with pytest.raises(SpecError, match=r"claim\.over must be one of x"):
        judge(table, Claim("x", ("y",), ()))
    with pytest.raises(SpecError, match="compared with itself"):
        judge(table, Claim("x", ("x",), ()))


def test_one_varied_parameter_is_not_enough() -> None:
    """The parameter it is compared with is constant."""
    rng = np.random.default_rng(0)
    table = TrialTable.from_arrays({"x": rng.uniform(size=40), "y": [1] * 40}, rng.normal(size=40))

    found = judge(table, Claim("x", ("y",), ()), n_draws=200, checks=TINY)

    sound(found)
    assert found.verdict == "INCONCLUSIVE"
    assert "y never varied, so these trials say nothing of it" in found.guards


def test_choices_without_any_effect_are_accepted() -> None:
    """Both choices of a parameter outside the claim have exactly the same mean."""
    x = np.tile([0.0, 1.0], 20)
    columns: dict[str, Any] = {
        "t": np.repeat(list("pqrsv"), 8), "a": np.tile([1, 1, 2, 2], 10),
        "u": np.random.default_rng(0).permutation(40) / 40.0, "c": np.repeat(["a", "b"], 20),
    }  # fmt: skip

    sound(quick(TrialTable.from_arrays(columns, x)))


@pytest.mark.parametrize("value", [1e-200, 1e30, 1e200, 1e300])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_one_extreme_value_is_accepted(value: float, sign: float) -> None:
    """A diverged loss, or the opposite."""
    table = simple_table(60, lambda at: 0.05 * at["t"], noise=0.01)
    y = table.y
    y[11] = sign * value

    sound(quick(with_values(table, y)))


@pytest.mark.parametrize("unit", [1e-300, 1e-160, 1e160, 1e300])
def test_extreme_units_are_accepted(unit: float) -> None:
    """Squares of such values overflow: no verdict, with the reason."""
    table = simple_table(60, lambda at: 0.05 * at["t"], noise=0.01)

    found = quick(with_values(table, table.y * unit))

    sound(found)
    assert found.verdict == "INCONCLUSIVE"
