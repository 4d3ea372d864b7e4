"""Tables in which little or nothing can be said: an answer all the same, never an error."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judged import ABOUT_T, FloatArray, quick, simple_table, with_values

from sweep.claim import Claim
from sweep.errors import SpecError
from sweep.judge import CheckOptions, Verdict, judge
from sweep.rows import Row
from sweep.space import Choice, Float, Space
from sweep.table import TrialTable

TINY = CheckOptions(n_bootstrap=2, n_permutations=2, n_draws=100)
SPACE = Space(
    {"t": Choice(*"pqrsv"), "a": Choice(1.0, 2.0, 4.0), "u": Float(-1.0, 1.0), "w": Choice("x")}
)


def no_nan(tree: Any) -> None:
    """Every number of a JSON tree is finite."""
    if isinstance(tree, dict):
        for each in tree.values():
            no_nan(each)
    elif isinstance(tree, list | tuple):
        for each in tree:
            no_nan(each)
    elif isinstance(tree, float):
        assert math.isfinite(tree)


def sound(found: Verdict) -> None:
    """What holds for every verdict."""
    tree = found.to_json()
    json.dumps(tree, allow_nan=False)
    no_nan(tree)
    assert found.reason.strip()
    if found.n_configurations < 20:
        assert found.verdict == "INCONCLUSIVE"
        assert found.guards
    for effect in (*found.parameters, *found.groups, *found.interactions):
        assert 0.0 <= effect.low <= effect.share <= effect.high <= 1.0
        assert effect.share <= effect.total_share + 1e-12 <= 1.0 + 2e-12
        assert 0.0 <= effect.sigma_low <= effect.sigma <= effect.sigma_high
        assert effect.total_low <= effect.total_sigma <= effect.total_high
        assert effect.sigma <= effect.total_sigma
        assert 0.0 <= effect.p_value <= 1.0
        assert effect.noise_floor >= 0.0
    for part in found.parts:
        for chance in (part.probability, part.refuted):
            assert chance is None or 0.0 <= chance <= 1.0
        assert (part.probability is None) == (part.state == "UNTESTED")
    assert found.trials_needed is None or found.trials_needed > 0


@pytest.mark.parametrize("n", [0, 1, 2, 3, 6, 9])
def test_a_few_trials_have_no_verdict(n: int) -> None:
    """From none on, with and without cross-checks."""
    table = simple_table(9, lambda at: at["u"], noise=0.1)
    few = TrialTable.from_rows(table.rows[:n], space=table.space)

    for cross_checks in (False, True):
        found = judge(few, ABOUT_T, n_draws=200, cross_checks=cross_checks, checks=TINY)

        sound(found)
        assert found.n_trials == n


def test_an_empty_study_says_that_it_is_empty() -> None:
    """No trial counts."""
    found = judge(TrialTable.from_rows([], space=SPACE), ABOUT_T, n_draws=200, checks=TINY)

    assert found.guards == ("0 trials count, with 0 different values: nothing varied",)


def test_one_configuration_of_many_seeds_has_no_verdict() -> None:
    """Noise alone: nothing varied but the seed."""
    values = {"t": "p", "a": 1.0, "u": 0.5, "w": "x"}
    noise = np.random.default_rng(0).normal(size=40)
    rows = [Row(i, values, float(v), seed=i) for i, v in enumerate(noise)]

    found = judge(TrialTable.from_rows(rows, space=SPACE), ABOUT_T, n_draws=200, checks=TINY)

    sound(found)
    assert found.n_configurations == 1
    assert any("t never varied" in guard for guard in found.guards)


def test_one_parameter_can_be_compared_with_nothing() -> None:
    """A claim needs something to dominate, and the space has no more."""
    table = TrialTable.from_arrays({"x": np.arange(40.0)}, np.arange(40.0))

    with pytest.raises(SpecError, match="claim.over must be one of x"):
        judge(table, Claim("x", ("y",), ()))
    with pytest.raises(SpecError, match="compared with itself"):
        judge(table, Claim("x", ("x",), ()))


def test_one_parameter_that_varied_is_not_enough() -> None:
    """What it is compared with never did."""
    rng = np.random.default_rng(0)
    table = TrialTable.from_arrays({"x": rng.uniform(size=40), "y": [1] * 40}, rng.normal(size=40))

    found = judge(table, Claim("x", ("y",), ()), n_draws=200, checks=TINY)

    sound(found)
    assert found.verdict == "INCONCLUSIVE"
    assert "y never varied, so these trials say nothing of it" in found.guards


def test_names_that_explain_nothing_at_all_are_no_obstacle() -> None:
    """Both choices of a parameter outside the claim have exactly the same mean."""
    x = np.tile([0.0, 1.0], 20)
    columns: dict[str, Any] = {
        "t": np.repeat(list("pqrsv"), 8), "a": np.tile([1, 1, 2, 2], 10),
        "u": np.random.default_rng(0).permutation(40) / 40.0, "c": np.repeat(["a", "b"], 20),
    }  # fmt: skip

    sound(quick(TrialTable.from_arrays(columns, x)))


@pytest.mark.parametrize("value", [1e-200, 1e30, 1e200, 1e300])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_one_absurd_value_is_no_obstacle(value: float, sign: float) -> None:
    """A loss that diverged, or the like upwards."""
    table = simple_table(60, lambda at: 0.05 * at["t"], noise=0.01)
    y = table.y
    y[11] = sign * value

    sound(quick(with_values(table, y)))


@pytest.mark.parametrize("unit", [1e-300, 1e-160, 1e160, 1e300])
def test_absurd_units_are_no_obstacle(unit: float) -> None:
    """Squares of such values are no numbers any more: no verdict, and why."""
    table = simple_table(60, lambda at: 0.05 * at["t"], noise=0.01)

    found = quick(with_values(table, table.y * unit))

    sound(found)
    assert found.verdict == "INCONCLUSIVE"


VALUES: dict[str, Callable[[np.random.Generator, int], FloatArray]] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "guessing": lambda rng, n: rng.choice([0.0, 1.0], n),
    "ties": lambda rng, n: np.round(rng.normal(size=n), 1),
    "cauchy": lambda rng, n: 1e6 * rng.standard_cauchy(n),
    "exponents": lambda rng, n: 10.0 ** rng.uniform(-30, 30, n) * rng.choice([-1.0, 1.0], n),
    "rounding": lambda rng, n: 0.25 + 1e-16 * rng.integers(0, 3, n),
    "missing": lambda rng, n: rng.choice([0.0, 0.25, 0.5, np.nan, np.inf], n),
    "one": lambda _, n: 1.0 * (np.arange(n) == 0),
}


@st.composite
def tables(draw: st.DrawFn) -> TrialTable:
    """Small tables of any making: replicates, ties, missing choices, odd values."""
    n = draw(st.integers(0, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    few, exact, odd = (draw(st.booleans()) for _ in range(3))
    u = rng.choice([-1.0, 0.0, 1.0], n) if few else rng.uniform(-1, 1, n)
    t, a = rng.integers(5, size=n), rng.integers(3, size=n)
    y = VALUES[draw(st.sampled_from(sorted(VALUES)))](rng, n)
    y = t + a * u if exact else y
    rows = [
        Row(
            i,
            {"t": "pqrsv"[t[i]], "a": 2.0 ** a[i], "u": float(u[i]), "w": "x"},
            float(y[i]),
            seed=int(rng.integers(3)),
            size=float(rng.choice([0.0, 1.0, 2.0**40])) if few else 2.0 ** (a[i] + t[i]),
            collapsed=odd and bool(rng.integers(9) == 0),
            phase="measure" if odd and rng.integers(3) else "",
        )
        for i in range(n)
    ]
    sampling = draw(st.sampled_from(["designed", "random", "adaptive", "unknown"]))
    direction = draw(st.sampled_from(["maximize", "minimize"]))
    space = Space({RANKED.get(name, name): SPACE[name] for name in SPACE}) if few else SPACE
    rows = [
        replace(r, values={n: r.values[o] for n, o in zip(space, SPACE, strict=True)}) for r in rows
    ]
    return TrialTable.from_rows(rows, space=space, sampling=sampling, direction=direction)


CLAIMS = (
    ABOUT_T,
    Claim("t", ("a",), ("a",), nuisances=("u",)),
    Claim("t", ("a", "u"), ("u",), kappa=1.0),
    Claim("u", ("t",), ("a",), delta=1e6),
    Claim(("t", "u"), ("a",), (), delta=1e-9),
    Claim("a", (("t", "u"),), (), nuisances=("u",)),
)
RANKED = {"a": "rank", "u": "alpha"}
"""What the parameters are called in half of the tables, so that all the rules of LoRA apply."""


@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
@given(tables(), st.sampled_from(CLAIMS), st.booleans())
def test_any_small_table_has_a_sound_answer(
    table: TrialTable,
    claim: Claim,
    cross_checks: bool,  # noqa: FBT001
) -> None:
    """No error, no NaN, intervals that hold their estimates, no verdict below 20 configurations.

    A claim that the names do not allow is refused with an error that says so.
    """
    to = RANKED if "rank" in table.space else {}
    names = {
        field: tuple(
            to.get(part, part) if isinstance(part, str) else tuple(to.get(p, p) for p in part)
            for part in getattr(claim, field)
        )
        for field in ("over", "negligible", "nuisances")
    }
    main = claim.dominant
    dominant = to.get(main, main) if isinstance(main, str) else tuple(to.get(p, p) for p in main)
    try:
        found = judge(
            table,
            replace(claim, dominant=dominant, **names),
            n_draws=100,
            cross_checks=cross_checks,
            checks=TINY,
        )
    except SpecError as error:
        assert to
        assert "not be made of the same parameters" in str(error)
        return
    sound(found)
