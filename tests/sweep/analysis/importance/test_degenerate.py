"""Importance of degenerate tables: no shares, and a note with the reason."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest
from few_trees import few_trees
from tables import LORA, draws, noise_table, study_table, surface_table

from sweep.analysis.importance.importance import importance, importance_report
from sweep.analysis.importance.methods import ALL_METHODS
from sweep.analysis.importance.result import Method
from sweep.analysis.table import Row, TrialTable
from sweep.errors import SpecError
from sweep.study.parameters import Choice, Float
from sweep.study.space import Space

every = pytest.mark.parametrize("method", ALL_METHODS)


@every
@pytest.mark.parametrize("n", [0, 1])
def test_too_few_trials_have_an_explanation_instead_of_shares(method: Method, n: int) -> None:
    """Optuna would return equal shares."""
    result = importance(surface_table(n), method=method)

    assert result.rows == ()
    assert result.top is None
    assert result.notes == (f"{n} trials that count: importance needs at least 2.",)


@every
def test_a_constant_objective_has_no_shares(method: Method) -> None:
    """Every trial has 0.25: there is no variance to explain."""
    result = importance(study_table(LORA, 10, lambda _: 0.25), method=method)

    assert result.rows == ()
    assert "All 10 complete trials have the value 0.25" in result.notes[0]


@every
def test_seeds_of_one_configuration_have_no_shares(method: Method) -> None:
    """Their variance is noise, not an effect of a parameter."""
    values = {"rank": 1, "alpha": 1, "targets": "key+query+value"}
    rows = [Row(i, values, 0.1 * i, replicate=i) for i in range(4)]

    result = importance(TrialTable.from_rows(rows, space=LORA), method=method)

    assert result.rows == ()
    assert "one configuration" in result.notes[0]


def test_ped_anova_of_two_trials_has_a_note() -> None:
    """The best tenth of two trials, at least two, is both of them."""
    rows = [
        Row(0, {"rank": 1, "alpha": 1, "targets": "key+query+value"}, 0.5),
        Row(1, {"rank": 2, "alpha": 4, "targets": "mlp.down+mlp.up"}, 0.5 + 1e-12),
    ]
    table = TrialTable.from_rows(rows, space=LORA)

    result = importance(table, method="ped_anova", n_bootstrap=3, n_null=0)

    assert all(row.low <= row.share <= row.high for row in result.rows)
    assert result.notes


@every
@few_trees()
def test_a_parameter_that_never_varied_is_named(method: Method) -> None:
    """A share of 0 must not be read as "does not matter"."""
    table = surface_table(30)
    fixed = TrialTable.from_rows(
        [replace(row, values={**row.values, "rank": 8}) for row in table.rows], space=LORA
    )

    result = importance(fixed, method=method, n_bootstrap=0, n_null=0)

    assert any("Never varied" in note and "rank" in note for note in result.notes)
    assert {part for row in result.rows for part in row.name.split(":")} <= {
        "alpha",
        "targets",
        "interactions",
    }


@every
def test_a_parameter_with_a_single_choice_is_accepted(method: Method) -> None:
    """A space may contain a constant parameter."""
    space = Space(
        {"x": Float(0.0, 1.0), "one": Choice(3), "word": Choice("a"), "z": Float(2.0, 2.0)}
    )
    table = study_table(space, 30, lambda v: float(v["x"]))

    result = importance(table, method=method, n_bootstrap=2, n_null=0)

    assert [row.name for row in result.rows if row.role == "sampled"] == ["x"]
    # Held-out trials are predicted from neighbours, so the sum is below 1.
    assert result.row("x").share == pytest.approx(1.0, abs=0.15 * (method == "permutation"))


@few_trees()
def test_a_small_study_has_a_warning() -> None:
    """Shares always sum to 1, with signal or without."""
    small, large = (
        importance(noise_table(19), n_bootstrap=0, n_null=0),
        importance(noise_table(20), n_bootstrap=0, n_null=0),
    )

    assert "proves nothing" in small.notes[0]
    assert not any("proves nothing" in note for note in large.notes)
    sampled = sum(row.share for row in small.rows if row.role == "sampled")
    assert sampled + small.row("interactions").share == pytest.approx(1.0)


def test_methods_that_disagree_are_reported() -> None:
    """A sampler converged on the best targets, so only rank separates the best tenth."""
    best = LORA["targets"].decode(5)
    rows = [
        Row(i, {**values, "targets": values["targets"] if i % 5 == 0 else best}, 0.0)
        for i, values in enumerate(draws(LORA, 150, seed=1))
    ]
    valued = [
        replace(
            row,
            value=LORA["targets"].encode(row.values["targets"]) + 0.01 * float(row.values["rank"]),
        )
        for row in rows
    ]

    report = importance_report(TrialTable.from_rows(valued, space=LORA), n_bootstrap=0, n_null=0)

    tops = [result.top.name for result in report.methods if result.top]
    assert tops == ["targets", "rank"]
    [alarm] = report.to_json()["alarms"]
    assert "disagree on what matters most: fANOVA (how much of the objective's variance" in alarm
    assert "puts targets first" in alarm
    assert "PED-ANOVA (what separates the top 10 %" in alarm
    assert "puts rank first" in alarm


def test_methods_that_agree_give_no_alarm() -> None:
    """Where the same parameter explains the variance and the best trials."""
    table = study_table(LORA, 120, lambda v: float(v["rank"]), seed=1)

    assert importance_report(table, n_bootstrap=0, n_null=0).alarms == ()


@few_trees()
def test_the_report_counts_excluded_trials() -> None:
    """Failed, pruned and dropped trials are listed with the shares."""
    counts = {"COMPLETE": 13, "FAIL": 2, "PRUNED": 1}
    rows = [*surface_table(12).rows, Row(12, {"rank": 1}, 0.1)]

    report = importance_report(
        TrialTable.from_rows(rows, space=LORA, counts=counts), n_bootstrap=2, n_null=2
    ).to_json()

    assert report["counts"] == counts
    assert report["n"] == 12
    assert report["dropped"] == [
        {"number": 12, "reason": "it has no alpha, targets", "no_value": False}
    ]
    assert [method["method"] for method in report["methods"]] == ["fanova", "ped_anova"]
    assert json.loads(json.dumps(report)) == json.loads(json.dumps(report, sort_keys=True))


@few_trees()
def test_records_are_json() -> None:
    """With the method's question, level and seed."""
    tree = json.loads(
        json.dumps(
            importance(surface_table(12), seed=7, n_bootstrap=3, n_null=0, level=0.8).to_json()
        )
    )

    assert (tree["method"], tree["level"], tree["n_bootstrap"], tree["seed"]) == (
        "fanova",
        0.8,
        3,
        7,
    )
    assert "variance" in tree["question"]
    names = {"name", "share", "low", "high", "method", "n", "role", "of", "null"}
    assert set(tree["rows"][0]) == names


def test_bad_arguments_are_refused_together() -> None:
    """Method, resamples, permutations and level, one message each."""
    with pytest.raises(SpecError, match="method must be one of") as caught:
        importance(surface_table(4), method="gini", n_bootstrap=-1, n_null=-1, level=1.0)  # type: ignore[arg-type]

    assert len(caught.value.faults) == 4


@pytest.mark.integration
def test_importance_never_imports_torch() -> None:
    """``lorasweep importance`` must start fast and work without PyTorch."""
    code = (
        "import sys\n"
        "from sweep.analysis.importance.importance import importance_report\n"
        "from sweep import Float, Space\n"
        "from sweep.analysis.table import Row, TrialTable\n"
        "rows = [Row(i, {'x': i / 9}, float(i)) for i in range(9)]\n"
        "table = TrialTable.from_rows(rows, space=Space({'x': Float(0.0, 1.0)}))\n"
        "report = importance_report(table, n_bootstrap=2, n_null=0)\n"
        "assert report.methods[0].rows\n"
        "sys.exit('torch' in sys.modules)\n"
    )

    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")
