"""fANOVA as a cross-check of a confirmation."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from tables import designed_table

from sweep.analysis.importance.fanova_check import FanovaCheck, fanova_veto
from sweep.analysis.table import TrialTable
from sweep.errors import SpecError

OTHERS = (("rank", "scaling"), ("learning_rate",))


def _veto(table: TrialTable, **how: int) -> FanovaCheck:
    return fanova_veto(
        table, ("targets",), OTHERS, **{"n_bootstrap": 40, "n_permutations": 20, **how}
    )  # type: ignore[arg-type]


def test_a_dominant_parameter_passes() -> None:
    """Targets have a sd of 0.03, all others at most a tenth of its variance."""
    check = _veto(designed_table(162, {"targets": 0.03, "rank": 0.003, "learning_rate": 0.006}))

    assert check.passes
    assert check.probability >= 0.95
    assert check.share > 0.6
    assert check.null99 < 0.5
    assert set(check.others) == {"rank+scaling", "learning_rate"}
    assert check.note == ""


def test_a_parameter_that_comes_second_is_vetoed() -> None:
    """The learning rate explains four times as much."""
    check = _veto(designed_table(162, {"targets": 0.015, "learning_rate": 0.03}))

    assert not check.passes
    assert check.probability < 0.05
    assert check.others["learning_rate"] > check.share


@pytest.mark.integration
def test_two_equal_parameters_are_vetoed() -> None:
    """Neither exceeds the other in 95 % of resamples."""
    check = _veto(designed_table(162, {"targets": 0.02, "rank": 0.02}))

    assert not check.passes


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.integration)])
def test_noise_is_vetoed(seed: int) -> None:
    """A share of noise is a share too; its null has as much."""
    check = _veto(designed_table(80, {}, seed=seed), n_permutations=40)

    assert not check.passes
    assert check.null99 > 0.1


def test_a_constant_objective_is_vetoed_with_a_reason() -> None:
    """There is no variance, and no error."""
    check = _veto(designed_table(40, {}, noise=0.0))

    assert (check.passes, check.share, check.probability, check.null99) == (False, 0.0, 0.0, 1.0)
    assert "no variation" in check.note


def test_a_group_that_never_varied_has_no_share() -> None:
    """With one target set there is nothing to confirm; the others are still measured."""
    table = designed_table(60, {"rank": 0.02})
    target = table.rows[0].values["targets"]
    rows = [replace(row, values={**row.values, "targets": target}) for row in table.rows]

    check = _veto(TrialTable.from_rows(rows, space=table.space), n_bootstrap=5, n_permutations=5)

    assert (check.passes, check.share) == (False, 0.0)
    assert check.others["rank+scaling"] > 0.5


def test_order_does_not_matter_and_the_seed_determines_the_result() -> None:
    """The same record from the same trials in another order, as JSON."""
    table = designed_table(40, {"targets": 0.01})
    backwards = TrialTable.from_rows(
        [replace(row, number=-row.number) for row in table.rows], space=table.space
    )

    first, again, other = (
        _veto(each, n_bootstrap=10, n_permutations=10, seed=seed)
        for each, seed in ((table, 0), (backwards, 0), (table, 1))
    )

    assert first == again
    assert first != other


def test_groups_must_be_disjoint_parameters() -> None:
    """All faults at once."""
    with pytest.raises(SpecError, match="hold some of") as caught:
        fanova_veto(designed_table(20, {}), ("targets",), (("ranks",), ("rank", "targets"), ()))

    assert len(caught.value.faults) == 3
    with pytest.raises(SpecError, match="at least one group to compare with"):
        fanova_veto(designed_table(20, {}), ("targets",), ())


@pytest.mark.slow
def test_the_whole_check_of_a_study_is_fast() -> None:
    """200 resamples and 100 permutations of 162 trials: 5 s, or 10 s on a busy core."""
    table = designed_table(162, {"targets": 0.03})

    started = time.process_time()
    check = fanova_veto(table, ("targets",), OTHERS)
    seconds = time.process_time() - started

    assert check.n_bootstrap == 200
    assert seconds < 15.0
