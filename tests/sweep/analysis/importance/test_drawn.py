"""Importance of more trials than forests can be grown on in time."""

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


def test_many_trials_are_measured_on_some_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """By every method; what dominates on all of them still comes first."""
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


def test_the_forest_that_may_veto_says_what_it_was_grown_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In the sentence of its cross-check."""
    table = designed_table(162, {"targets": 0.03, "rank": 0.003, "learning_rate": 0.006})
    monkeypatch.setattr(trials, "MOST_TRIALS", 100)
    checks = CheckOptions(n_bootstrap=5, n_permutations=5, n_draws=100)
    made = judge(table, n_draws=100, checks=checks).cross_checks
    (forest,) = [check for check in made if check.name == "fANOVA"]

    assert forest.says.endswith("; grown on 100 of the 162 trials, drawn at random")
    assert fanova_veto(table, ("targets",), (("rank",),), n_bootstrap=2, n_permutations=2).n == 100


def test_seeds_of_a_configuration_are_drawn_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are no trials of their own; nor does the order of the rows decide what is drawn."""
    table = doubled(surface_table(40))
    monkeypatch.setattr(trials, "MOST_TRIALS", 31)
    drawn = trials.drawn(trials.by_content(table))
    turned = replace(table, rows=tuple(reversed(table.rows)))
    again = trials.drawn(trials.by_content(turned))
    seeds = [{row.seed for row in drawn.rows if row.number % 1000 == n} for n in range(40)]

    assert len(drawn) in (29, 30, 31)
    assert all(each in (set(), {0, 1}) for each in seeds)
    assert {row.number for row in drawn.rows} == {row.number for row in again.rows}


def test_up_to_the_bound_all_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same answer to the last bit."""
    table = surface_table(60)
    whole = importance(table, n_bootstrap=3, n_null=3)
    monkeypatch.setattr(trials, "MOST_TRIALS", 60)

    assert importance(table, n_bootstrap=3, n_null=3) == whole
    assert len(whole.rows) > 0
    assert "drawn at random" not in " ".join(whole.notes)
