"""A study with trials is extended by new choices and continues as one study."""

from dataclasses import replace
from typing import Any

import optuna
import pytest
from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator

from sweep import Budget, Choice, Float, Int, Sampler, Space, StudySpec, TargetSets
from sweep.analysis.importance.importance import importance_report
from sweep.driver.run_study import Options, run_study
from sweep.errors import ResumeError, SpecError
from sweep.extend.changes import Request
from sweep.extend.extend import extend_study
from sweep.results.status import snapshot
from sweep.results.table import to_table
from sweep.sampling.samplers import distributions
from sweep.storage.studies import load_study, read_spec
from sweep.storage.url import StorageUrl
from sweep.terminal.progress import Progress

REQUEST = Request(("wide=all-linear",), ("kind=c",), ("x1=0:10", "x2=-2:6"))
CHANGES = [
    "targets: + wide = attention.output+key+mlp.down+mlp.up+query+value",
    "kind: + 'c'",
    "x1: 0.0..1.0 -> 0.0..10",
    "x2: 0..4 -> -2..6",
]


@pytest.fixture
def linear() -> StudySpec:
    """A study with a parameter of each kind; only x1 and x2 matter, and larger is better."""
    space = {
        "x1": Float(0.0, 1.0),
        "x2": Int(0, 4, step=2),
        "kind": Choice("a", "b"),
        "targets": TargetSets("qkv", "mlp"),
    }
    return StudySpec(
        name="linear",
        objective="objectives.synthetic:Synthetic",
        space=Space(space),
        sampler=Sampler("random", 1),
        budget=Budget(trials=6),
    )


def edited(spec: StudySpec) -> StudySpec:
    """The study file with the same changes made by hand."""
    space = {
        "x1": Float(0.0, 10),
        "x2": Int(-2, 6, step=2),
        "kind": Choice("a", "b", "c"),
        "targets": TargetSets("qkv", "mlp", wide="all-linear"),
    }
    return replace(spec, space=Space(space))


def run(spec: StudySpec, address: StorageUrl, trials: int) -> None:
    """Run a study up to this many trials."""
    with Progress(trials, 0, higher_is_better=True) as progress:
        spec = spec.with_changes(trials=trials)
        run_study(spec, address, progress, Options(workers=1))


def trials(address: StorageUrl) -> list[tuple[Any, ...]]:
    """All data of a trial except its distributions."""
    return [
        (t.number, t.state, t.params, t.values, t.user_attrs, t.system_attrs, t.duration)
        for t in load_study(address).get_trials(deepcopy=False)
    ]


@pytest.mark.integration
@pytest.mark.parametrize(
    "sampler", ["tpe", "random", "qmc", "grid", pytest.param("gp", marks=pytest.mark.slow)]
)
def test_an_extended_study_keeps_its_trials_and_samples_new_values(
    address: StorageUrl, linear: StudySpec, sampler: str
) -> None:
    """Optuna itself refuses changed choices; with the extension no sampler raises."""
    request, after = REQUEST, edited(linear)
    if sampler == "grid":  # does not support real numbers
        linear = replace(linear, space=Space({**linear.space.params, "x1": Int(0, 1)}))
        after = replace(after, space=Space({**after.space.params, "x1": Int(0, 10)}))
    linear, after = (replace(spec, sampler=Sampler(sampler, 1)) for spec in (linear, after))
    run(linear, address, 6)
    before = trials(address)
    extend_study(linear, address, request)

    assert trials(address) == before
    assert read_spec(load_study(address)).identity() == after.identity()
    run(read_spec(load_study(address)), address, 24)
    assert trials(address)[:6] == before
    new = [trial.params for trial in load_study(address).trials[6:]]
    assert {values["kind"] for values in new} == {"a", "b", "c"}
    assert set(after.space["targets"].grid()) == {values["targets"] for values in new}
    assert max(values["x1"] for values in new) > 1
    assert {values["x2"] for values in new} - {0, 2, 4}


@pytest.mark.integration
def test_every_trial_has_the_extended_distributions(address: StorageUrl, linear: StudySpec) -> None:
    """Otherwise samplers and importances would drop a parameter whose range grew."""
    run(linear, address, 12)
    extend_study(linear, address, REQUEST)
    run(edited(linear), address, 24)
    study = load_study(address)

    assert all(t.distributions == distributions(edited(linear).space) for t in study.trials)
    names = set(linear.space)
    for evaluator in (FanovaImportanceEvaluator(seed=0), PedAnovaImportanceEvaluator()):
        assert set(optuna.importance.get_param_importances(study, evaluator=evaluator)) == names
    report = importance_report(to_table(study), seed=0).to_json()
    for method in report["methods"]:
        assert names <= {row["name"] for row in method["rows"]}


def test_the_old_study_file_is_refused_and_the_edited_one_resumes(
    address: StorageUrl, linear: StudySpec
) -> None:
    """Each difference is named; the digest is that of a study created with the new space."""
    run(linear, address, 2)
    report = extend_study(linear, address, REQUEST)

    with pytest.raises(ResumeError, match="got 5 differences") as caught:
        run(linear, address, 4)
    assert "space.kind.values: ['a', 'b', 'c'] -> ['a', 'b']" in str(caught.value)
    assert "space.x1.high: 10 -> 1.0" in str(caught.value)
    run(edited(linear), address, 4)
    assert report["history"][0]["to"] == edited(linear).digest()
    assert load_study(address).user_attrs["spec_digest"] == edited(linear).digest()
    assert len(trials(address)) == 4


def test_each_extension_is_stored_in_the_history(address: StorageUrl, linear: StudySpec) -> None:
    """From digest to digest; the same extension again is refused."""
    run(linear, address, 2)
    first = extend_study(linear, address, REQUEST)["history"][0]
    run(edited(linear), address, 3)
    stored = read_spec(load_study(address))
    second = extend_study(stored, address, Request(choices=("kind=d",)))["history"][0]

    assert first["changes"] == CHANGES
    assert (first["from"], first["n_trials"]) == (linear.digest(), 2)
    assert (second["from"], second["n_trials"]) == (first["to"], 3)
    assert second["changes"] == ["kind: + 'd'"]
    study = load_study(address)
    assert snapshot(study, address)["history"] == [first, second]
    assert study.user_attrs["spec_digest"] == second["to"]
    with pytest.raises(SpecError, match=r"(?s)kind has .*'c', 'd'.*There is nothing to add"):
        extend_study(read_spec(study), address, Request(choices=("kind=d",)))
    assert snapshot(study, address)["history"] == [first, second]


def test_the_budget_stays_and_inputs_may_have_moved(address: StorageUrl, linear: StudySpec) -> None:
    """Another run may have changed the budget since the spec was read."""
    run(linear, address, 2)
    extend_study(linear.with_changes(trials=9, inputs={"data": "moved"}), address, REQUEST)

    stored = read_spec(load_study(address))
    assert stored.budget.trials == 2
    assert stored.inputs == {"data": "moved"}


def test_queued_trials_stay_queued(address: StorageUrl, spec: StudySpec) -> None:
    """And run with their queued values."""
    spec = replace(spec, seeds=(0, 1))
    run(spec, address, 3)
    before = trials(address)
    assert before[-1][1] == optuna.trial.TrialState.WAITING
    extend_study(spec, address, Request(choices=("rank=16",)))
    assert trials(address) == before

    run(read_spec(load_study(address)), address, 4)
    done = load_study(address).trials
    assert [trial.state.name for trial in done] == ["COMPLETE"] * 4
    assert done[3].params == done[2].params
    assert done[3].user_attrs["seed"] == 1


@pytest.mark.integration
def test_other_studies_of_the_database_are_unchanged(
    address: StorageUrl, linear: StudySpec
) -> None:
    """They have parameters of the same names."""
    other = replace(linear, name="other")
    run(linear, address, 2)
    run(other, address, 2)
    report = extend_study(linear, address, REQUEST)

    assert report["history"][0]["n_trials"] == 2
    study = load_study(address, "other")
    assert read_spec(study) == other.with_changes(trials=2)
    assert "history" not in study.user_attrs
    assert all(t.distributions == distributions(other.space) for t in study.trials)
