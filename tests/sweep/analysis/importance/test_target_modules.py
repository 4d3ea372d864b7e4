"""Gains of single matrices, where the target sets allow to separate them and where not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from sweep.analysis.importance.importance import importance_report
from sweep.analysis.importance.target_modules import Matrices, module_report
from sweep.analysis.table import TrialTable
from sweep.errors import StorageError
from sweep.study.parameters import Choice, TargetSets
from sweep.study.space import Space
from sweep.study.targets import members

WORTH = {"query": 0.01, "key": 0.0, "value": 0.03}
EVERY = ("query", "key", "value", "key+query", "query+value", "key+value", "key+query+value")


def _table(
    sets: Sequence[str], *, n: int = 84, noise: float = 0.0, product: float = 0.0, seed: int = 0
) -> TrialTable:
    """Sums of the matrices' gains, with an interaction of key and value; rank adds its own."""
    rng = np.random.default_rng(seed)
    space = Space({"targets": TargetSets(*sets), "rank": Choice(1, 2, 4)})
    targets = [space["targets"].decode(i % len(sets)) for i in range(n)]
    rank = rng.choice([1, 2, 4], size=n)
    held = [set(members(str(each))) for each in targets]
    values = [
        sum(WORTH.get(name, 0.02) for name in each) + product * ({"key", "value"} <= each)
        for each in held
    ]
    noisy = np.array(values) + 0.1 * np.log2(rank) + noise * rng.normal(size=n)
    return TrialTable.from_arrays({"targets": targets, "rank": rank}, noisy, space=space)


def test_sums_are_decomposed_exactly() -> None:
    """Without noise the true gains result, and shares are their squares: 1 : 0 : 9."""
    report = module_report(_table((*EVERY, "none")), n_bootstrap=10)

    gains = {row.name: row.gain for row in report.rows}
    shares = {row.name: row.share for row in report.rows}
    assert gains == pytest.approx(WORTH, abs=1e-9)
    assert shares == pytest.approx({"query": 0.1, "key": 0.0, "value": 0.9}, abs=1e-9)
    assert [row.name for row in report.rows] == ["value", "query", "key"]
    assert (report.pairwise, report.sets, report.notes) == (True, 8, ())


def test_an_interaction_of_two_matrices_is_divided_evenly() -> None:
    """0.02 more for key with value: half of it each in gain; closed form for the shares."""
    report = module_report(_table((*EVERY, "none"), product=0.02), n_bootstrap=0)

    gains = {row.name: row.gain for row in report.rows}
    assert gains == pytest.approx({"query": 0.01, "key": 0.01, "value": 0.04}, abs=1e-9)
    effects = {"query": 0.005**2, "key": 0.005**2 + 0.005**2 / 2, "value": 0.02**2 + 0.005**2 / 2}
    total = sum(effects.values())
    expected = {name: effect / total for name, effect in effects.items()}
    assert {row.name: row.share for row in report.rows} == pytest.approx(expected, abs=1e-9)


def test_matrices_that_always_occur_together_are_one_group_with_a_note() -> None:
    """The five usual sets never separate query from value, nor the two matrices of the MLP."""
    sets = ("query+value", "qkv", "attention", "mlp", "all-linear")

    report = module_report(_table(sets, n=60), n_bootstrap=0)

    names = {row.name for row in report.rows}
    assert names == {"query+value", "key", "attention.output", "mlp.down+mlp.up"}
    assert "query and value always occur together" in " ".join(report.notes)
    assert "mlp.down and mlp.up always occur together" in " ".join(report.notes)
    assert "add up" in " ".join(report.notes)
    assert not report.pairwise


def test_mutually_exclusive_sets_have_no_result() -> None:
    """With qkv or mlp, never both or neither, gains and losses cannot be separated."""
    report = module_report(_table(("qkv", "mlp")))

    assert report.rows == ()
    assert "key+query+value and mlp.down+mlp.up cannot be told apart" in report.notes[-1]


def test_one_set_has_no_result() -> None:
    """Nothing varied."""
    report = module_report(_table(("qkv",)))

    assert report.rows == ()
    assert "In every target set, so without a row: key, query, value." in report.notes
    assert "nothing was varied" in report.notes[-1]


def test_too_few_trials_have_no_result() -> None:
    """Seven trials of seven sets leave nothing to average rank over."""
    report = module_report(_table(EVERY, n=7))

    assert report.rows == ()
    assert "too few" in report.notes[-1]


def test_intervals_have_about_their_nominal_coverage() -> None:
    """In at least 32 of 40 noisy studies the 90 % interval covers value's gain of 0.03."""
    held = 0
    for seed in range(40):
        report = module_report(_table(EVERY, noise=0.01, seed=seed), n_bootstrap=100, seed=seed)
        row = next(row for row in report.rows if row.name == "value")
        assert row.low <= row.share <= row.high
        assert row.gain_low < row.gain < row.gain_high
        held += row.gain_low <= 0.03 <= row.gain_high

    assert held >= 32


def test_the_order_of_trials_does_not_matter_and_the_seed_determines_the_result() -> None:
    """A merged study has the same result."""
    table = _table(EVERY, noise=0.01)
    backwards = TrialTable.from_rows(
        [replace(row, number=-row.number) for row in table.rows], space=table.space
    )

    assert module_report(backwards, n_bootstrap=9) == module_report(table, n_bootstrap=9)
    assert module_report(table, n_bootstrap=9, seed=1) != module_report(table, n_bootstrap=9)


def test_an_unknown_parameter_is_refused() -> None:
    """With the list of known ones."""
    with pytest.raises(StorageError, match=r"one of \['targets', 'rank'\], got 'modules'"):
        module_report(_table(EVERY), "modules")


def test_an_empty_table_has_no_note() -> None:
    """Unlike a table of equal trials."""
    assert Matrices.of([]).notes == ()
    assert "nothing was varied" in Matrices.of(["qkv", "qkv"]).notes[-1]


def test_the_report_has_the_matrices_of_its_target_sets() -> None:
    """In the JSON too; None without a parameter of target sets."""
    report = importance_report(_table(EVERY), methods=("ped_anova",), n_bootstrap=2, n_null=0)
    plain = TrialTable.from_arrays({"x": list(range(30))}, list(range(30)))

    assert {row["name"] for row in report.to_json()["modules"]["rows"]} == set(WORTH)
    assert importance_report(plain, n_bootstrap=0, n_null=0).to_json()["modules"] is None
