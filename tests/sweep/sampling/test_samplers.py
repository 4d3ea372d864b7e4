import optuna
import pytest
from optuna.trial import TrialState

from sweep import Choice, Float, Int, Pruner, Sampler, Space, StudySpec, TargetSets
from sweep.driver.trial_queue import TrialIndex
from sweep.sampling.samplers import distributions, make_pruner, make_sampler

SPACE = Space(
    {
        "rank": Choice(1, 2, 4),
        "warm": Choice(True, False),
        "targets": TargetSets("qkv", "query+value", "mlp"),
    }
)


def make(space: Space = SPACE, **changes: object) -> StudySpec:
    """A spec over ``space``."""
    return StudySpec(name="s", objective="a.b:C", space=space, **changes)


def run(study: optuna.Study, spec: StudySpec, n: int) -> list[dict[str, object]]:
    """Ask and tell ``n`` trials whose value grows with rank, with a new sampler."""
    book = TrialIndex(spec, study.trials)
    study.sampler = make_sampler(spec, len(study.trials), book.tried)
    asked = []
    for _ in range(n):
        trial = study.ask(distributions(spec.space))
        book.note(trial.params)
        asked.append(dict(trial.params))
        study.tell(trial, float(trial.params.get("rank", 0)))
    return asked


@pytest.mark.parametrize(
    "name",
    ["tpe", "random", "qmc", pytest.param("gp", marks=pytest.mark.integration), "grid"],
)
def test_no_sampler_proposes_a_configuration_twice(name: str) -> None:
    """Eighteen trials of a space of eighteen run each configuration once."""
    spec = make(sampler=Sampler(name))
    study = optuna.create_study(direction="maximize")
    asked = run(study, spec, 18)

    assert len({tuple(sorted(values.items())) for values in asked}) == 18
    assert all(spec.space.contains(values) for values in asked)


@pytest.mark.parametrize("name", ["tpe", "random", "qmc", "gp"])
def test_a_continuous_space_is_sampled(name: str) -> None:
    """Within bounds, without repeating a point."""
    spec = make(Space({"rate": Float(1e-5, 1e-1, log=True), "n": Int(1, 9)}), sampler=Sampler(name))
    study = optuna.create_study()
    asked = run(study, spec, 12)

    assert all(spec.space.contains(values) for values in asked)
    assert len({tuple(values.items()) for values in asked}) == 12


@pytest.mark.parametrize("name", ["tpe", "random", "qmc"])
def test_a_resumed_sampler_does_not_repeat_its_draws(name: str, tmp_path: object) -> None:
    """Optuna alone repeats 4 to 6 of 12 draws after a resume with the same seed."""
    spec = make(Space({"rate": Float(0, 1), "rank": Choice(1, 2, 4)}), sampler=Sampler(name))
    url = f"sqlite:///{tmp_path}/s.db"
    first = optuna.create_study(study_name="s", storage=url)
    before = run(first, spec, 6)
    again = optuna.load_study(study_name="s", storage=url)
    after = run(again, spec, 6)

    assert not {values["rate"] for values in before} & {values["rate"] for values in after}


def test_a_new_study_with_the_same_seed_repeats() -> None:
    """The same seed gives the same sequence; another seed another."""

    def draws(seed: int) -> list[dict[str, object]]:
        spec = make(sampler=Sampler("tpe", seed))
        return run(optuna.create_study(), spec, 12)

    assert draws(0) == draws(0)
    assert draws(0) != draws(1)


def test_enqueued_trials_have_their_own_values() -> None:
    """Also in an exhausted space, which has no new point."""
    spec = make(Space({"rank": Choice(1, 2)}))
    study = optuna.create_study()
    run(study, spec, 2)
    study.enqueue_trial({"rank": 2})

    assert run(study, spec, 1) == [{"rank": 2}]


def test_waiting_trials_count_as_tried() -> None:
    """Otherwise the sampler would propose configurations of the queue."""
    study = optuna.create_study()
    study.enqueue_trial({"rank": 2})

    assert TrialIndex(make(Space({"rank": Choice(1, 2)})), study.trials).tried == {(("rank", "2"),)}


def test_the_default_is_no_pruner() -> None:
    """Optuna's own default prunes any trial that reports."""
    assert isinstance(make_pruner(make()), optuna.pruners.NopPruner)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("median", optuna.pruners.MedianPruner),
        ("halving", optuna.pruners.SuccessiveHalvingPruner),
        ("hyperband", optuna.pruners.HyperbandPruner),
    ],
)
def test_pruners_are_made_by_name(name: str, kind: type) -> None:
    """The setting is used."""
    assert type(make_pruner(make(pruner=Pruner(name)))) is kind


def test_tpe_finds_the_best_more_often_than_random() -> None:
    """The wrapper must not disable the sampler's search."""
    space = Space({"rate": Float(0, 1)})

    def best(name: str) -> float:
        total = 0.0
        for seed in range(5):
            spec = make(space, sampler=Sampler(name, seed))
            study = optuna.create_study(sampler=make_sampler(spec, 0, frozenset()))
            for _ in range(40):
                trial = study.ask(distributions(space))
                study.tell(trial, abs(trial.params["rate"] - 0.3), TrialState.COMPLETE)
            total += sum(sorted(t.value for t in study.trials)[:10])
        return total

    assert best("tpe") < best("random") / 2
