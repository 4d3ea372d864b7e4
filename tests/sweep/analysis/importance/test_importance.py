"""From a table of trials to records: each method against what must hold for all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from few_trees import few_trees
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import LORA, noise_table, study_table, surface_table

from sweep.analysis.importance.importance import importance
from sweep.analysis.importance.methods import ALL_METHODS
from sweep.analysis.importance.result import ImportanceTable, Method
from sweep.analysis.table import TrialTable
from sweep.study.parameters import Choice, Float
from sweep.study.space import Space

every = pytest.mark.parametrize("method", ALL_METHODS)


def test_targets_come_first_where_they_dominate() -> None:
    """On the toy MCC the targets explain 98.6 % of the variance over the whole space."""
    result = importance(surface_table(60), seed=0, n_bootstrap=10, n_null=0)

    assert result.top is not None
    assert result.top.name == "targets"
    assert result.top.share > 0.75
    assert result.row("rank").share < 0.15
    assert result.row("scaling").share < 0.15


def test_linear_shares_are_four_fifths_and_one_fifth() -> None:
    """2 x1 + x2 on equal ranges, end to end."""
    space = Space({"x1": Float(0.0, 1.0), "x2": Float(0.0, 1.0)})
    table = study_table(space, 400, lambda v: 2.0 * float(v["x1"]) + float(v["x2"]))

    result = importance(table, n_bootstrap=0, n_null=0)

    assert result.row("x1").share == pytest.approx(0.8, abs=0.04)
    assert result.row("x2").share == pytest.approx(0.2, abs=0.04)
    assert result.row("interactions").share < 0.05


def test_choices_count_by_their_order_whatever_order_they_were_written_in() -> None:
    """Choice(8, 1, 4, 2) is the same axis as Choice(1, 2, 4, 8)."""
    shuffled = Space({"rank": Choice(8, 1, 4, 2), "x": Float(0.0, 1.0)})
    ordered = Space({"rank": Choice(1, 2, 4, 8), "x": Float(0.0, 1.0)})
    rows = study_table(shuffled, 30, lambda v: float(v["rank"]) + float(v["x"])).rows

    tables = [TrialTable.from_rows(rows, space=space) for space in (shuffled, ordered)]
    shares = [
        {row.name: row.share for row in importance(table, n_bootstrap=0, n_null=0).rows}
        for table in tables
    ]

    assert shares[0] == pytest.approx(shares[1], abs=0.02)


def test_the_group_does_not_depend_on_the_parametrisation() -> None:
    """Where only alpha/rank matters, rank and alpha halve it and the pair has all of it."""
    table = study_table(LORA, 200, lambda v: np.log2(float(v["alpha"]) / float(v["rank"])))

    result = importance(table, n_bootstrap=0, n_null=0)

    assert result.row("rank").share == pytest.approx(0.45, abs=0.1)
    assert result.row("alpha").share == pytest.approx(0.55, abs=0.1)
    assert result.row("scaling").share > 0.9
    assert result.row("rank+alpha").share > 0.97
    assert any("rank and alpha act together" in note for note in result.notes)


@few_trees()
def test_derived_and_group_rows_say_what_they_are_made_of() -> None:
    """A reader must not add the scaling to the parameters it is computed from."""
    result = importance(surface_table(30), n_bootstrap=0, n_null=0)

    roles = {row.name: (row.role, row.of, row.derived) for row in result.rows}
    assert roles == {
        "targets": ("sampled", (), False),
        "rank": ("sampled", (), False),
        "alpha": ("sampled", (), False),
        "scaling": ("derived", ("rank", "alpha"), True),
        "rank+alpha": ("group", ("rank", "alpha"), False),
        "alpha:rank": ("interaction", ("alpha", "rank"), False),
        "alpha:targets": ("interaction", ("alpha", "targets"), False),
        "rank:targets": ("interaction", ("rank", "targets"), False),
        "interactions": ("interactions", (), False),
    }


@few_trees()
def test_alpha_is_the_derived_row_where_scaling_is_sampled() -> None:
    """A study of scaling shows alpha the same way."""
    space = Space({"rank": Choice(1, 2, 4, 8), "scaling": Float(0.25, 4.0, log=True)})
    table = study_table(space, 40, lambda v: float(v["rank"]) * float(v["scaling"]))

    for method in ALL_METHODS:
        result = importance(table, method=method, n_bootstrap=0, n_null=0)
        assert result.row("alpha").derived
        assert not result.row("scaling").derived


@every
@given(n=st.integers(2, 25), seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=8)
@few_trees()
def test_shares_are_shares(method: Method, n: int, seed: int) -> None:
    """In [0, 1], inside their interval, and never more than everything."""
    result = importance(noise_table(n, seed), method=method, seed=seed, n_bootstrap=4, n_null=0)

    for row in result.rows:
        assert 0.0 <= row.low <= row.share <= row.high <= 1.0
        assert (row.method, row.n) == (method, n)
    total = sum(row.share for row in result.rows if row.role == "sampled")
    if method != "permutation":  # there an interaction counts for each member in full
        assert total <= 1.0 + 1e-9
    if method not in ("permutation", "fanova") and result.rows:
        assert total == pytest.approx(1.0)


@every
@given(st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=3)
@few_trees()
def test_the_order_and_numbering_of_trials_change_nothing(method: Method, random: object) -> None:
    """A resumed or merged study must not answer differently."""
    table = surface_table(16)
    rows = list(table.rows)
    random.shuffle(rows)  # type: ignore[attr-defined]
    renumbered = [replace(row, number=i) for i, row in enumerate(rows)]
    shuffled = TrialTable.from_rows(renumbered, space=LORA)

    first = importance(table, method=method, seed=3, n_bootstrap=1, n_null=0)

    assert importance(shuffled, method=method, seed=3, n_bootstrap=1, n_null=0) == first


@every
@few_trees()
def test_the_seed_decides_everything(method: Method) -> None:
    """The same seed gives the same records; another one other intervals."""
    table = surface_table(24)

    first, again, other = (
        importance(table, method=method, seed=seed, n_bootstrap=8, n_null=0) for seed in (1, 1, 2)
    )

    assert first == again
    assert [row.low for row in first.rows] != [row.low for row in other.rows]


@every
@few_trees()
def test_replicates_make_no_interval_narrower(method: Method) -> None:
    """Each trial entered three times holds no more than once; equal rows are not evidence."""
    table = noise_table(12)
    rows = [
        replace(row, number=100 * r + row.number, replicate=r)
        for row in table.rows
        for r in (0, 1, 2)
    ]
    tripled = TrialTable.from_rows(rows, space=LORA)

    once = importance(table, method=method, n_bootstrap=16, n_null=0)
    thrice = importance(tripled, method=method, n_bootstrap=16, n_null=0)

    def width(result: ImportanceTable) -> float:
        return float(np.mean([row.high - row.low for row in result.rows if row.role == "sampled"]))

    assert thrice.configurations == once.configurations == 12
    assert width(thrice) > 0.7 * width(once)


@every
def test_minimising_the_negated_objective_is_the_same(method: Method) -> None:
    """Higher is better is restored at the border, so PED-ANOVA finds the same best tenth."""
    table = surface_table(30)
    negated = TrialTable.from_rows(
        [replace(row, value=-row.value) for row in table.rows], space=LORA, direction="minimize"
    )

    def shares(result: ImportanceTable) -> dict[str, float]:
        return {row.name: row.share for row in result.rows}

    first = shares(importance(table, method=method, n_bootstrap=0, n_null=0))
    assert shares(importance(negated, method=method, n_bootstrap=0, n_null=0)) == pytest.approx(
        first, abs=0.1
    )


def test_ped_anova_finds_what_sets_the_best_apart() -> None:
    """One value of one parameter makes the best tenth."""
    table = study_table(
        LORA, 120, lambda v: 1.0 if v["rank"] == 8 else 0.001 * float(v["alpha"]), seed=4
    )

    result = importance(table, method="ped_anova", n_bootstrap=0, n_null=0)

    assert result.top is not None
    assert result.top.name == "rank"
    assert "top 10 %" in result.question
