"""Property test: any small table has a consistent verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judged import ABOUT_T, TINY, FloatArray, sound

from sweep.analysis.rows import Row
from sweep.analysis.table import TrialTable
from sweep.analysis.verdict.result import Verdict
from sweep.analysis.verdict.verdict import judge
from sweep.errors import SpecError
from sweep.study.claim import COUPLED, Claim, as_group
from sweep.study.parameters import Choice, Float
from sweep.study.space import Space

SPACE = Space(
    {"t": Choice(*"pqrsv"), "a": Choice(1.0, 2.0, 4.0), "u": Float(-1.0, 1.0), "w": Choice("x")}
)

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
    """Small random tables: replicates, ties, missing choices, unusual values."""
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
            {"t": "pqrsv"[t[i]], "a": float(2.0 ** a[i]), "u": float(u[i]), "w": "x"},
            float(y[i]),
            seed=int(rng.integers(3)),
            size=float(rng.choice([0.0, 1.0, 2.0**40])) if few else float(2.0 ** (a[i] + t[i])),
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
"""Parameter names of half of the tables, so that LoRA's rules apply."""


@settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))
@given(tables(), st.sampled_from(CLAIMS), st.booleans())
def test_any_small_table_has_a_consistent_verdict(
    table: TrialTable,
    claim: Claim,
    cross_checks: bool,  # noqa: FBT001
) -> None:
    """No error, no NaN, intervals that contain their estimates, no verdict below 20 configurations.

    A claim that the parameters do not allow is refused with an error.
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
    asked = replace(claim, dominant=dominant, **names)

    def answer() -> Verdict:
        return judge(table, asked, n_draws=100, cross_checks=cross_checks, checks=TINY)

    if to and _on_both_sides(asked):
        with pytest.raises(SpecError, match="not be made of the same parameters"):
            answer()
    else:
        sound(answer())


def _on_both_sides(claim: Claim) -> bool:
    """Whether a claim compares rank with alpha, which are judged together."""
    ours = {*as_group(claim.dominant)} & set(COUPLED)
    theirs = {n for part in (*claim.over, *claim.negligible) for n in as_group(part)}
    return bool(ours) and bool(theirs & set(COUPLED))
