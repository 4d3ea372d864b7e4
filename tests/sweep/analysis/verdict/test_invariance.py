"""The verdict depends on measurements only, not on names, order or units."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from judged import FAST, quick, simple_table, straight

from sweep.analysis.table import TrialTable
from sweep.analysis.verdict.result import Verdict
from sweep.analysis.verdict.verdict import judge
from sweep.study.claim import Claim
from sweep.study.parameters import Choice, Int
from sweep.study.space import Space

CLAIM = Claim("t", ("a", "b"), ("a", "b"), delta=0.02, nuisances=("u",))
GAIN = 0.02 * np.array([-1.2, 0.3, -0.4, 0.1, 1.2])
BEST = np.array([-0.4, 0.2, 0.0, 0.4, 0.3])
TABLE = simple_table(
    80,
    lambda at: (
        GAIN[at["t"].astype(int)]
        + 0.004 * straight(at["b"])
        - 0.03 * (at["u"] - BEST[at["t"].astype(int)]) ** 2
    ),
    noise=0.01,
)
BASE = quick(TABLE, CLAIM)


def _columns(table: TrialTable) -> dict[str, list[Any]]:
    return {name: [row.values[name] for row in table.rows] for name in table.space}


def _same(found: Verdict, base: Verdict = BASE) -> None:
    """The same answer, probabilities and effects, independent of the order of names."""
    assert found.verdict == base.verdict
    for one, other in zip(found.parts, base.parts, strict=True):
        assert (one.name, one.view, one.state) == (other.name, other.view, other.state)
        assert one.probability == pytest.approx(other.probability, abs=1e-6)
        assert one.refuted == pytest.approx(other.refuted, abs=1e-6)
    shares = [[e.share, e.low, e.high, e.total_share] for e in found.parameters]
    assert shares == [
        pytest.approx([e.share, e.low, e.high, e.total_share], abs=1e-6) for e in base.parameters
    ]


def test_the_base_case_is_not_trivial() -> None:
    """Its probabilities are neither 0 nor 1, in both views."""
    chances = {part.view: part.probability or 0.0 for part in BASE.parts}

    assert chances.keys() == {"averaged", "optimised"}
    assert any(0.02 < (part.probability or 0.0) < 0.98 for part in BASE.parts)


def test_the_order_of_rows_does_not_matter() -> None:
    """Shuffled and renumbered."""
    order = np.random.default_rng(0).permutation(80)
    rows = [replace(TABLE.rows[i], number=k) for k, i in enumerate(order)]

    _same(quick(TrialTable.from_rows(rows, space=TABLE.space, sampling="designed"), CLAIM))


@pytest.mark.integration
def test_the_order_of_rows_with_seeds_and_cross_checks_does_not_matter() -> None:
    """Replicates of a configuration, a forest and its resamples do not depend on order either."""
    twice = (*TABLE.rows[:40], *(replace(r, number=100 + i, seed=1, value=r.value + 0.001 * (i % 7))
             for i, r in enumerate(TABLE.rows[:20])))  # fmt: skip
    backwards = [replace(row, number=-row.number) for row in twice]
    first, second = (
        judge(
            TrialTable.from_rows(rows, space=TABLE.space, sampling="designed"),
            CLAIM,
            n_draws=200,
            checks=FAST,
        )
        for rows in (twice, backwards)
    )

    _same(first, second)
    assert first.cross_checks == second.cross_checks


def test_the_names_and_the_order_of_parameters_do_not_matter() -> None:
    """Renamed, and in another order of the space."""
    to = {"t": "zz", "a": "m", "b": "aa", "u": "k"}
    space = Space({to[name]: TABLE.space[name] for name in ("u", "b", "t", "a")})
    rows = [replace(r, values={to[n]: v for n, v in r.values.items()}) for r in TABLE.rows]
    table = TrialTable.from_rows(rows, space=space, sampling="designed")

    found = quick(table, Claim("zz", ("m", "aa"), ("m", "aa"), delta=0.02, nuisances=("k",)))

    _same(found)
    assert [e.name for e in found.parameters] == [to[e.name] for e in BASE.parameters]


def test_the_names_of_parameters_outside_the_claim_do_not_matter() -> None:
    """Parameters are ordered by their effect, not by name."""
    to = {"t": "t", "a": "a", "b": "z", "u": "c"}
    space = Space({to[name]: TABLE.space[name] for name in ("b", "u", "t", "a")})
    rows = [replace(r, values={to[n]: v for n, v in r.values.items()}) for r in TABLE.rows]
    claim = Claim("t", ("a",), (), nuisances=())

    found = quick(TrialTable.from_rows(rows, space=space, sampling="designed"), claim)

    _same(found, quick(TABLE, claim))


@pytest.mark.parametrize("order", ["vsrqp", "qrspv", "prvqs"])
def test_the_labels_and_the_order_of_choices_do_not_matter(order: str) -> None:
    """Another first choice, and other labels."""
    label = dict(zip("pqrsv", ["e", "d", "c", "b", "a"], strict=True))
    space = Space({**TABLE.space.params, "t": Choice(*(label[each] for each in order))})
    columns = _columns(TABLE)
    columns["t"] = [label[each] for each in columns["t"]]
    values = [row.value for row in TABLE.rows]

    _same(quick(TrialTable.from_arrays(columns, values, space=space), CLAIM))


def test_the_direction_does_not_matter() -> None:
    """A loss to minimise is a score to maximise."""
    columns, values = _columns(TABLE), [-row.value for row in TABLE.rows]

    _same(
        quick(
            TrialTable.from_arrays(columns, values, space=TABLE.space, direction="minimize"), CLAIM
        )
    )


def _checked(table: TrialTable, claim: Claim) -> Verdict:
    return judge(table, claim, n_draws=500, checks=FAST)


@pytest.fixture(scope="module")
def checked() -> Verdict:
    """The base case with cross-checks."""
    return _checked(TABLE, CLAIM)


@pytest.mark.parametrize("unit", [1e-6, pytest.param(1e6, marks=pytest.mark.integration)])
def test_the_unit_does_not_matter(unit: float, checked: Verdict) -> None:
    """Percent or fractions, with delta in the same unit; including cross-checks."""
    values = [unit * row.value for row in TABLE.rows]
    table = TrialTable.from_arrays(_columns(TABLE), values, space=TABLE.space)
    found = _checked(table, replace(CLAIM, delta=0.02 * unit))

    _same(found, checked)
    passed = [(check.name, check.passes) for check in found.cross_checks]
    assert passed == [(check.name, check.passes) for check in checked.cross_checks]


def test_the_level_does_not_matter() -> None:
    """A constant added to every value."""
    values = [row.value + 3.0 for row in TABLE.rows]

    _same(quick(TrialTable.from_arrays(_columns(TABLE), values, space=TABLE.space), CLAIM))


def _of_rank(value: Callable[[float], Any], param: Any) -> Verdict:
    columns = _columns(TABLE)
    columns["a"] = [value(np.log2(each)) for each in columns["a"]]
    space = Space({**TABLE.space.params, "a": param})
    values = [row.value for row in TABLE.rows]
    return quick(TrialTable.from_arrays(columns, values, space=space), CLAIM)


def test_ordered_choices_may_have_any_spacing() -> None:
    """1, 2, 4, 8, 16 or 0, 1, 2, 3, 4: only the order matters."""
    _same(_of_rank(int, Choice(0, 1, 2, 3, 4)))
    _same(_of_rank(lambda place: int(place) + 7, Choice(11, 10, 9, 8, 7)))


def test_integers_are_nearly_ordered_choices() -> None:
    """A range of five integers is five cells of a line, with variance 2.08 instead of 2."""
    found = _of_rank(int, Int(0, 4))

    assert found.verdict == BASE.verdict
    for one, other in zip(found.parts, BASE.parts, strict=True):
        assert one.state == other.state
        assert one.probability == pytest.approx(other.probability, abs=0.05)
