"""From a table of trials to records: each method against what must hold for all."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.synthetic import Synthetic
from sweep.errors import SpecError
from sweep.importance import METHODS, ImportanceTable, Method, importance, importance_report
from sweep.space import Choice, Float, Space, TargetSets
from sweep.table import Row, TrialTable
from sweep.trial import Scalar, TrialParams, ignore_reports

LORA = Space(
    {
        "rank": Choice(1, 2, 4, 8, 16, 32),
        "alpha": Choice(1, 2, 4, 8, 16, 32, 64),
        "targets": TargetSets(
            "query+value", "qkv", "attention", "mlp", "attention+mlp.down", "all-linear"
        ),
    }
)

both = pytest.mark.parametrize("method", METHODS)


def _draws(space: Space, n: int, seed: int) -> Iterable[dict[str, Scalar]]:
    rng = np.random.default_rng(seed)
    for _ in range(n):
        values: dict[str, Scalar] = {}
        for name, param in space.params.items():
            grid = param.grid()
            place = rng.uniform(param.low, param.high) if isinstance(param, Float) else 0.0
            values[name] = grid[rng.integers(len(grid))] if grid else float(place)
        yield values


def _study(
    space: Space, n: int, value: Callable[[dict[str, Scalar]], float], seed: int = 0
) -> TrialTable:
    rows = [Row(i, values, value(values)) for i, values in enumerate(_draws(space, n, seed))]
    return TrialTable.from_rows(rows, space=space)


def _surface(n: int, noise: float = 0.01, seed: int = 0) -> TrialTable:
    """Trials of the toy MCC, through the objective itself."""
    objective = Synthetic({"function": "surface", "noise": noise}, {})

    def value(values: dict[str, Scalar]) -> float:
        [result] = objective.run([TrialParams(0, values, seed)], ignore_reports)
        assert result.value is not None
        return result.value

    return _study(LORA, n, value, seed)


def _noise(n: int, seed: int = 0) -> TrialTable:
    rng = np.random.default_rng(seed + 1)
    return _study(LORA, n, lambda _: float(rng.normal()), seed)


def test_targets_come_first_where_they_dominate() -> None:
    """On the toy MCC the targets explain 98.6 % of the variance over the whole space."""
    result = importance(_surface(60), seed=0, n_bootstrap=10)

    assert result.top is not None
    assert result.top.name == "targets"
    assert result.top.share > 0.75
    assert result.row("rank").share < 0.15
    assert result.row("scaling").share < 0.15


def test_linear_shares_are_four_fifths_and_one_fifth() -> None:
    """2 x1 + x2 on equal ranges, end to end."""
    space = Space({"x1": Float(0.0, 1.0), "x2": Float(0.0, 1.0)})
    table = _study(space, 400, lambda v: 2.0 * float(v["x1"]) + float(v["x2"]))

    result = importance(table, n_bootstrap=0)

    assert result.row("x1").share == pytest.approx(0.8, abs=0.04)
    assert result.row("x2").share == pytest.approx(0.2, abs=0.04)
    assert result.row("interactions").share < 0.05


def test_choices_count_by_their_order_whatever_order_they_were_written_in() -> None:
    """Choice(8, 1, 4, 2) is the same axis as Choice(1, 2, 4, 8)."""
    shuffled = Space({"rank": Choice(8, 1, 4, 2), "x": Float(0.0, 1.0)})
    ordered = Space({"rank": Choice(1, 2, 4, 8), "x": Float(0.0, 1.0)})
    rows = _study(shuffled, 30, lambda v: float(v["rank"]) + float(v["x"])).rows

    tables = [TrialTable.from_rows(rows, space=space) for space in (shuffled, ordered)]
    shares = [
        {row.name: row.share for row in importance(table, n_bootstrap=0).rows} for table in tables
    ]

    assert shares[0] == pytest.approx(shares[1], abs=0.02)


def test_the_group_does_not_depend_on_the_parametrisation() -> None:
    """Where only alpha/rank matters, rank and alpha halve it and the pair has all of it."""
    table = _study(LORA, 200, lambda v: np.log2(float(v["alpha"]) / float(v["rank"])))

    result = importance(table, n_bootstrap=0)

    assert result.row("rank").share == pytest.approx(0.45, abs=0.1)
    assert result.row("alpha").share == pytest.approx(0.55, abs=0.1)
    assert result.row("scaling").share > 0.9
    assert result.row("rank+alpha").share > 0.97
    assert any("rank and alpha act together" in note for note in result.notes)


def test_derived_and_group_rows_say_what_they_are_made_of() -> None:
    """A reader must not add the scaling to the parameters it is computed from."""
    result = importance(_surface(30), n_bootstrap=0)

    roles = {row.name: (row.role, row.of, row.derived) for row in result.rows}
    assert roles == {
        "targets": ("sampled", (), False),
        "rank": ("sampled", (), False),
        "alpha": ("sampled", (), False),
        "scaling": ("derived", ("rank", "alpha"), True),
        "rank+alpha": ("group", ("rank", "alpha"), False),
        "interactions": ("interactions", (), False),
    }


def test_alpha_is_the_derived_row_where_scaling_is_sampled() -> None:
    """A study of scaling shows alpha the same way."""
    space = Space({"rank": Choice(1, 2, 4, 8), "scaling": Float(0.25, 4.0, log=True)})
    table = _study(space, 40, lambda v: float(v["rank"]) * float(v["scaling"]))

    for method in METHODS:
        result = importance(table, method=method, n_bootstrap=0)
        assert result.row("alpha").derived
        assert not result.row("scaling").derived


@both
@given(n=st.integers(2, 25), seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=8)
def test_shares_are_shares(method: Method, n: int, seed: int) -> None:
    """In [0, 1], inside their interval, and never more than everything."""
    result = importance(_noise(n, seed), method=method, seed=seed, n_bootstrap=4)

    for row in result.rows:
        assert 0.0 <= row.low <= row.share <= row.high <= 1.0
        assert (row.method, row.n) == (method, n)
    assert sum(row.share for row in result.rows if row.role == "sampled") <= 1.0 + 1e-9
    if method == "ped_anova" and result.rows:
        assert sum(r.share for r in result.rows if r.role == "sampled") == pytest.approx(1.0)


@both
@given(st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=3)
def test_the_order_and_numbering_of_trials_change_nothing(method: Method, random: object) -> None:
    """A resumed or merged study must not answer differently."""
    table = _surface(16)
    rows = list(table.rows)
    random.shuffle(rows)  # type: ignore[attr-defined]
    renumbered = [replace(row, number=i) for i, row in enumerate(rows)]
    shuffled = TrialTable.from_rows(renumbered, space=LORA)

    first = importance(table, method=method, seed=3, n_bootstrap=1)

    assert importance(shuffled, method=method, seed=3, n_bootstrap=1) == first


@both
def test_the_seed_decides_everything(method: Method) -> None:
    """The same seed gives the same records; another one other intervals."""
    table = _surface(24)

    first, again, other = (
        importance(table, method=method, seed=seed, n_bootstrap=8) for seed in (1, 1, 2)
    )

    assert first == again
    assert [row.low for row in first.rows] != [row.low for row in other.rows]


@both
def test_replicates_make_no_interval_narrower(method: Method) -> None:
    """Each trial entered three times holds no more than once; equal rows are not evidence."""
    table = _noise(12)
    rows = [
        replace(row, number=100 * r + row.number, replicate=r)
        for row in table.rows
        for r in (0, 1, 2)
    ]
    tripled = TrialTable.from_rows(rows, space=LORA)

    once = importance(table, method=method, n_bootstrap=16)
    thrice = importance(tripled, method=method, n_bootstrap=16)

    def width(result: ImportanceTable) -> float:
        return float(np.mean([row.high - row.low for row in result.rows if row.role == "sampled"]))

    assert thrice.configurations == once.configurations == 12
    assert width(thrice) > 0.7 * width(once)


@both
def test_minimising_the_negated_objective_is_the_same(method: Method) -> None:
    """Higher is better is restored at the border, so PED-ANOVA finds the same best tenth."""
    table = _surface(30)
    negated = TrialTable.from_rows(
        [replace(row, value=-row.value) for row in table.rows], space=LORA, direction="minimize"
    )

    def shares(result: ImportanceTable) -> dict[str, float]:
        return {row.name: row.share for row in result.rows}

    first = shares(importance(table, method=method, n_bootstrap=0))
    assert shares(importance(negated, method=method, n_bootstrap=0)) == pytest.approx(
        first, abs=0.1
    )


def test_ped_anova_finds_what_sets_the_best_apart() -> None:
    """One value of one parameter makes the best tenth."""
    table = _study(
        LORA, 120, lambda v: 1.0 if v["rank"] == 8 else 0.001 * float(v["alpha"]), seed=4
    )

    result = importance(table, method="ped_anova", n_bootstrap=0)

    assert result.top is not None
    assert result.top.name == "rank"
    assert "top 10 %" in result.question


@both
@pytest.mark.parametrize("n", [0, 1])
def test_too_few_trials_have_an_explanation_instead_of_shares(method: Method, n: int) -> None:
    """Optuna would answer with equal shares."""
    result = importance(_surface(n), method=method)

    assert result.rows == ()
    assert result.top is None
    assert result.notes == (f"{n} complete trials: importance needs at least 2.",)


@both
def test_a_constant_objective_has_no_shares(method: Method) -> None:
    """Every trial at 0.25: nothing varied that could be explained."""
    result = importance(_study(LORA, 10, lambda _: 0.25), method=method)

    assert result.rows == ()
    assert "All 10 complete trials have the value 0.25" in result.notes[0]


@both
def test_seeds_of_one_configuration_have_no_shares(method: Method) -> None:
    """Noise alone is no parameter's doing."""
    values = {"rank": 1, "alpha": 1, "targets": "key+query+value"}
    rows = [Row(i, values, 0.1 * i, replicate=i) for i in range(4)]

    result = importance(TrialTable.from_rows(rows, space=LORA), method=method)

    assert result.rows == ()
    assert "one configuration" in result.notes[0]


def test_ped_anova_of_two_trials_says_that_it_has_no_answer() -> None:
    """The best tenth of two trials, at its least two, is both of them."""
    rows = [
        Row(0, {"rank": 1, "alpha": 1, "targets": "key+query+value"}, 0.5),
        Row(1, {"rank": 2, "alpha": 4, "targets": "mlp.down+mlp.up"}, 0.5 + 1e-12),
    ]
    table = TrialTable.from_rows(rows, space=LORA)

    result = importance(table, method="ped_anova", n_bootstrap=3)

    assert all(row.low <= row.share <= row.high for row in result.rows)
    assert result.notes


@both
def test_a_parameter_that_never_varied_is_named(method: Method) -> None:
    """A share of 0 must not read as "does not matter"."""
    table = _surface(30)
    fixed = TrialTable.from_rows(
        [replace(row, values={**row.values, "rank": 8}) for row in table.rows], space=LORA
    )

    result = importance(fixed, method=method, n_bootstrap=0)

    assert any("Never varied" in note and "rank" in note for note in result.notes)
    assert {row.name for row in result.rows} <= {"alpha", "targets", "interactions"}


@both
def test_a_single_choice_is_no_obstacle(method: Method) -> None:
    """A space may hold a parameter with one value."""
    space = Space(
        {"x": Float(0.0, 1.0), "one": Choice(3), "word": Choice("a"), "z": Float(2.0, 2.0)}
    )
    table = _study(space, 30, lambda v: float(v["x"]))

    result = importance(table, method=method, n_bootstrap=2)

    assert [row.name for row in result.rows if row.role == "sampled"] == ["x"]
    assert result.row("x").share == pytest.approx(1.0)


def test_a_small_study_carries_its_warning() -> None:
    """Shares always add up to everything, signal or not."""
    small, large = importance(_noise(19), n_bootstrap=0), importance(_noise(20), n_bootstrap=0)

    assert "proves nothing" in small.notes[0]
    assert not any("proves nothing" in note for note in large.notes)
    sampled = sum(row.share for row in small.rows if row.role == "sampled")
    assert sampled + small.row("interactions").share == pytest.approx(1.0)


def test_methods_that_disagree_are_reported() -> None:
    """A sampler that settled on the best targets leaves only rank to tell the best tenth apart."""
    best = LORA["targets"].decode(5)
    rows = [
        Row(i, {**values, "targets": values["targets"] if i % 5 == 0 else best}, 0.0)
        for i, values in enumerate(_draws(LORA, 150, seed=1))
    ]
    valued = [
        replace(
            row,
            value=LORA["targets"].encode(row.values["targets"]) + 0.01 * float(row.values["rank"]),
        )
        for row in rows
    ]

    report = importance_report(TrialTable.from_rows(valued, space=LORA), n_bootstrap=0)

    tops = [result.top.name for result in report.methods if result.top]
    assert tops == ["targets", "rank"]
    assert (
        "disagree on what came first: fANOVA says targets, PED-ANOVA says rank" in report.notes[0]
    )


def test_methods_that_agree_leave_no_note() -> None:
    """Where the same parameter spreads the values and makes the best ones."""
    table = _study(LORA, 120, lambda v: float(v["rank"]), seed=1)

    assert importance_report(table, n_bootstrap=0).notes == ()


def test_the_report_counts_what_it_does_not_rest_on() -> None:
    """Failed, pruned and dropped trials stand beside the shares."""
    counts = {"COMPLETE": 13, "FAIL": 2, "PRUNED": 1}
    rows = [*_surface(12).rows, Row(12, {"rank": 1}, 0.1)]

    report = importance_report(
        TrialTable.from_rows(rows, space=LORA, counts=counts), n_bootstrap=2
    ).to_json()

    assert report["counts"] == counts
    assert report["n"] == 12
    assert report["dropped"] == [{"number": 12, "reason": "it has no alpha, targets"}]
    assert [method["method"] for method in report["methods"]] == ["fanova", "ped_anova"]
    assert json.loads(json.dumps(report)) == json.loads(json.dumps(report, sort_keys=True))


def test_records_are_json() -> None:
    """With the question the method answers, level and seed."""
    tree = json.loads(
        json.dumps(importance(_surface(12), seed=7, n_bootstrap=3, level=0.8).to_json())
    )

    assert (tree["method"], tree["level"], tree["n_bootstrap"], tree["seed"]) == (
        "fanova",
        0.8,
        3,
        7,
    )
    assert "variance" in tree["question"]
    assert set(tree["rows"][0]) == {"name", "share", "low", "high", "method", "n", "role", "of"}


def test_bad_arguments_are_refused_together() -> None:
    """Method, resamples and level, each in its sentence."""
    with pytest.raises(SpecError, match="method must be one of") as caught:
        importance(_surface(4), method="mdi", n_bootstrap=-1, level=1.0)  # type: ignore[arg-type]

    assert len(caught.value.faults) == 3


def test_importance_never_imports_torch() -> None:
    """``lorasweep importance`` must start fast and work without a GPU stack."""
    code = (
        "import sys\n"
        "from sweep.importance import importance_report\n"
        "from sweep.space import Float, Space\n"
        "from sweep.table import Row, TrialTable\n"
        "rows = [Row(i, {'x': i / 9}, float(i)) for i in range(9)]\n"
        "table = TrialTable.from_rows(rows, space=Space({'x': Float(0.0, 1.0)}))\n"
        "report = importance_report(table, n_bootstrap=2)\n"
        "assert report.methods[0].rows\n"
        "sys.exit('torch' in sys.modules)\n"
    )

    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")
