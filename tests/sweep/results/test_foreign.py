"""Tables of plain Optuna's studies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import optuna
import pytest
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import Trial, TrialState

from sweep.analysis.importance.importance import importance
from sweep.analysis.table import Failed, TrialTable
from sweep.errors import StorageError
from sweep.results.table import to_table
from sweep.study.parameters import Choice, Float, Int


def _optimised(
    objective: Callable[[Trial], float],
    url: str,
    sampler: optuna.samplers.BaseSampler | None = None,
    n: int = 40,
) -> TrialTable:
    """An optimised study in a file, read again from there."""
    chosen = optuna.samplers.RandomSampler(seed=0) if sampler is None else sampler
    study = optuna.create_study(
        storage=url, study_name="theirs", sampler=chosen, direction="maximize"
    )
    study.optimize(objective, n_trials=n)
    return to_table(optuna.load_study(study_name="theirs", storage=url))


def _given(
    *trials: tuple[dict[str, Any], dict[str, BaseDistribution]], direction: str = "minimize"
) -> TrialTable:
    """A study of given trials; their values are 0, 1, 2, ..."""
    study = optuna.create_study(direction=direction)
    for value, (params, distributions) in enumerate(trials):
        study.add_trial(
            optuna.create_trial(params=params, distributions=distributions, value=float(value))
        )
    return to_table(study)


@pytest.mark.parametrize("sampler", ["random", pytest.param("tpe", marks=pytest.mark.integration)])
def test_a_foreign_study_is_a_table_that_can_be_analysed(url: str, sampler: str) -> None:
    """Categories, integers, log ranges and steps, from SQLite, by any sampler."""

    def objective(trial: Trial) -> float:
        rank = trial.suggest_int("rank", 2, 32, log=True)
        rate = trial.suggest_float("learning rate", 1e-4, 1e-2, log=True)
        dropout = trial.suggest_float("dropout", 0.0, 0.3, step=0.1)
        layers = trial.suggest_int("layers", 2, 8, step=2)
        kind = trial.suggest_categorical("kind", ["qv", "qkv", "all"])
        return {"qv": 0.0, "qkv": 0.5, "all": 1.0}[kind] + 1e-3 * (rank + rate + dropout + layers)

    samplers: dict[str, optuna.samplers.BaseSampler] = {
        "random": optuna.samplers.RandomSampler(seed=0),
        "tpe": optuna.samplers.TPESampler(seed=0),
    }

    table = _optimised(objective, url, samplers[sampler])

    assert table.space.params == {
        "rank": Int(2, 32, log=True),
        "learning rate": Float(1e-4, 1e-2, log=True),
        "dropout": Choice(0.0, 0.1, 0.2, 0.3),
        "layers": Int(2, 8, step=2),
        "kind": Choice("qv", "qkv", "all"),
    }
    assert (len(table), table.dropped, table.notes) == (40, (), ())
    assert (table.sampling, table.direction) == ("unknown", "maximize")
    result = importance(table, n_bootstrap=0, n_null=0)
    assert result.top is not None
    assert result.top.name == "kind"


@pytest.mark.filterwarnings("ignore:Choices for a categorical distribution")
def test_unusual_choices_become_text_with_a_note(url: str) -> None:
    """Lists of names become target sets, None becomes a word; all trials are kept."""
    kinds: Sequence[Any] = [["query", "value"], ["mlp"], None]

    def objective(trial: Trial) -> float:
        return float(len(trial.suggest_categorical("modules", kinds) or ()))

    table = _optimised(objective, url, n=12)

    assert table.space["modules"] == Choice("query+value", "mlp", "None")
    assert {str(row.values["modules"]): row.value for row in table.rows} == {
        "query+value": 2.0,
        "mlp": 1.0,
        "None": 0.0,
    }
    assert "modules has choices that are analysed as text: query+value, mlp, None." in table.notes


@pytest.mark.filterwarnings("ignore:Choices for a categorical distribution")
@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        ((True, False), (True, False)),
        ((1, 2.5), (1, 2.5)),
        (("a", 1), ("a", 1)),
        ((1, "1", None), ("1", '"1"', "null")),
        ((float("nan"), 0.5), ("nan", "0.5")),
        (((1, 2), (1, 3)), ("(1, 2)", "(1, 3)")),
        ((("a", "b"), "a+b"), ('["a", "b"]', '"a+b"')),
        ((("a", "b"), "c"), ("a+b", "c")),
    ],
)
def test_different_choices_stay_different(
    choices: tuple[Any, ...], expected: tuple[Any, ...]
) -> None:
    """Choices with similar text are never merged."""
    distribution = CategoricalDistribution(choices)

    table = _given(*[({"x": choice}, {"x": distribution}) for choice in choices])

    assert table.space["x"] == Choice(*expected)
    assert [row.values["x"] for row in table.rows] == list(expected)
    assert bool(table.notes) is (tuple(choices) != expected)


def test_ranges_that_changed_are_united_with_a_note() -> None:
    """Optuna's own fANOVA would silently drop the parameter."""
    table = _given(
        (
            {"r": 4, "f": 0.2, "k": 3},
            {
                "r": IntDistribution(2, 8, step=2),
                "f": FloatDistribution(0.1, 1.0, log=True),
                "k": IntDistribution(1, 9),
            },
        ),
        (
            {"r": 15, "f": 9.0, "k": 1},
            {
                "r": IntDistribution(3, 15, step=3),
                "f": FloatDistribution(0.0, 9.0),
                "k": IntDistribution(1, 9),
            },
        ),
    )

    assert table.space.params == {"r": Int(2, 15), "f": Float(0.0, 9.0), "k": Int(1, 9)}
    assert len(table) == 2
    assert table.notes == (
        "r had 2 ranges among the trials; their union is analysed.",
        "f had 2 ranges among the trials; their union is analysed.",
    )


def test_a_parameter_missing_in_some_trials_is_left_out_with_a_note() -> None:
    """All trials are kept with their common parameters."""
    x, y = FloatDistribution(0.0, 1.0), IntDistribution(0, 3)

    table = _given(({"x": 0.5, "y": 1}, {"x": x, "y": y}), ({"x": 0.7}, {"x": x}))

    assert list(table.space) == ["x"]
    assert len(table) == 2
    assert table.notes == ("y is left out: 1 of the 2 complete trials do not have it.",)


def test_a_parameter_that_changed_its_kind_is_left_out_with_a_note() -> None:
    """Categories and numbers have no common axis; integers and floats have."""
    table = _given(
        ({"x": "a", "y": 1}, {"x": CategoricalDistribution(["a"]), "y": IntDistribution(0, 3)}),
        ({"x": 2, "y": 0.5}, {"x": IntDistribution(0, 3), "y": FloatDistribution(0.0, 1.0)}),
    )

    assert table.space.params == {"y": Float(0.0, 3.0)}
    assert table.notes[0].startswith("x is left out: it was categorical in some trials")


def test_a_finely_stepped_range_is_a_range() -> None:
    """More than 12 steps are no choices."""
    fine = FloatDistribution(0.0, 1.0, step=0.01)

    assert _given(({"x": 0.37}, {"x": fine})).space.params == {"x": Float(0.0, 1.0)}


def test_failed_trials_are_kept_and_attributes_are_not_read(url: str) -> None:
    """A foreign study's "seed" or "phase" may mean anything; failures are found by value."""

    def objective(trial: Trial) -> float:
        x = trial.suggest_float("x", 0.0, 1.0)
        trial.set_user_attr("seed", 5 if trial.number == 0 else "five")
        trial.set_user_attr("phase", "measure" if trial.number == 0 else 3)
        trial.set_user_attr("metrics", "none")
        return x if trial.number < 2 else float("nan")

    table = _optimised(objective, url, n=3)

    assert [(row.seed, row.phase) for row in table.rows] == [(0, ""), (0, "")]
    [failed] = table.failed
    assert isinstance(failed, Failed)
    assert (failed.number, set(failed.values)) == (2, {"x"})
    assert table.counts["FAIL"] == 1


def test_a_study_that_minimises_is_negated() -> None:
    """Optuna's default direction."""
    x = {"x": FloatDistribution(0.0, 1.0)}

    table = _given(({"x": 0.1}, x), ({"x": 0.2}, x))

    assert (table.direction, table.y.tolist()) == ("minimize", [0.0, -1.0])


def test_several_objectives_are_refused_by_name() -> None:
    """There is no single variance to explain."""
    study = optuna.create_study(study_name="both", directions=["minimize", "maximize"])

    with pytest.raises(StorageError, match=r"\['minimize', 'maximize'\] \(study 'both'\)"):
        to_table(study)


def test_a_study_without_trials_is_an_empty_table() -> None:
    """And importance has a note."""
    study = optuna.create_study()
    study.tell(study.ask(), state=TrialState.FAIL)

    table = to_table(study)

    assert (len(table), len(table.space), len(table.failed)) == (0, 0, 1)
    assert "needs at least 2" in importance(table).notes[0]
