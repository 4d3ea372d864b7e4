"""Importance of large studies is computed on a subsample."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tables import designed_table, surface_table

from sweep.analysis.importance import trials
from sweep.analysis.importance.fanova_check import fanova_veto
from sweep.analysis.importance.importance import importance, importance_report
from sweep.analysis.table import TrialTable
from sweep.analysis.verdict.cross_checks import CheckOptions
from sweep.analysis.verdict.verdict import judge


def doubled(table: TrialTable) -> TrialTable:
    """Each trial twice, with another seed."""
    again = [replace(row, number=row.number + 1000, seed=1) for row in table.rows]
    return replace(table, rows=(*table.rows, *again))


def test_many_trials_are_subsampled_and_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """By every method; the dominant parameter is still first."""
    table = surface_table(300)
    monkeypatch.setattr(trials, "MOST_TRIALS", 120)
    report = importance_report(table, n_bootstrap=5, n_null=0)

    for each in report.methods:
        assert each.n == 120
        assert each.notes[0].startswith("Measured on 120 of the 300 trials")
    top = report.methods[0].top
    assert top is not None
    assert top.name == "targets"
    assert report.n == 300


@pytest.mark.integration
def test_the_forest_cross_check_names_its_subsample(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In the sentence of the check."""
    table = designed_table(162, {"targets": 0.03, "rank": 0.003, "learning_rate": 0.006})
    monkeypatch.setattr(trials, "MOST_TRIALS", 100)
    checks = CheckOptions(n_bootstrap=5, n_permutations=5, n_draws=100)
    made = judge(table, n_draws=100, checks=checks).cross_checks
    (forest,) = [check for check in made if check.name == "fANOVA"]

    assert forest.says.endswith("; grown on 100 of the 162 trials, drawn at random")
    assert fanova_veto(table, ("targets",), (("rank",),), n_bootstrap=2, n_permutations=2).n == 100


def test_seeds_of_a_configuration_are_sampled_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """They count as one configuration; the order of rows does not affect the sample."""
    table = doubled(surface_table(40))
    monkeypatch.setattr(trials, "MOST_TRIALS", 31)
    drawn = trials.drawn(trials.by_content(table))
    turned = replace(table, rows=tuple(reversed(table.rows)))
    again = trials.drawn(trials.by_content(turned))
    seeds = [{row.seed for row in drawn.rows if row.number % 1000 == n} for n in range(40)]

    assert len(drawn) in (29, 30, 31)
    assert all(each in (set(), {0, 1}) for each in seeds)
    assert {row.number for row in drawn.rows} == {row.number for row in again.rows}


def test_up_to_the_limit_all_trials_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same result to the last bit."""
    table = surface_table(60)
    whole = importance(table, n_bootstrap=3, n_null=3)
    monkeypatch.setattr(trials, "MOST_TRIALS", 60)

    assert importance(table, n_bootstrap=3, n_null=3) == whole
    assert len(whole.rows) > 0
    assert "drawn at random" not in " ".join(whole.notes)
