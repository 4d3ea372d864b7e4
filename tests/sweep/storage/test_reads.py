"""Reading all trials at once gives the trials that Optuna reads one by one."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import optuna
import pytest
from faults.postgres import Postgres
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import RDBStorage
from optuna.storages._cached_storage import _CachedStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from sweep import Budget, Choice, Space, StudySpec
from sweep.driver.listener import NullListener
from sweep.driver.run_study import run_study
from sweep.results.status import snapshot
from sweep.storage.reads import Backend
from sweep.storage.studies import open_known, quiet_optuna
from sweep.storage.url import StorageUrl

DISTRIBUTIONS = {
    "rank": IntDistribution(1, 64, log=True),
    "targets": CategoricalDistribution(("query", "key", None, 2.5, True)),
    "learning_rate": FloatDistribution(1e-5, 1e-1, log=True),
    "dropout": FloatDistribution(0.0, 0.5, step=0.1),
}


def mixed(url: str) -> None:
    """Two studies with interleaved trials of every state, and values of every kind."""
    storage = RDBStorage(url)
    one = optuna.create_study(storage=storage, study_name="one", direction="maximize")
    two = optuna.create_study(storage=storage, study_name="two", directions=["minimize"] * 2)
    for number, state in enumerate(
        [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, TrialState.COMPLETE] * 3
    ):
        params = {
            "rank": 2**number % 64 or 1,
            "targets": ("query", None, 2.5, True)[number % 4],
            "learning_rate": 1e-4 * (1 + number),
            "dropout": 0.1 * (number % 3),
        }
        steps = {5: 0.25, 1: math.nan, 3: -math.inf, 10: math.inf, 2: 1 / 3}
        trial = create_trial(
            state=state,
            value=None if state == TrialState.FAIL else math.inf if number == 3 else number / 7,
            params=params if number % 4 else {},
            distributions=DISTRIBUTIONS if number % 4 else {},
            user_attrs={"metrics": {"a": [1, {"b": None}]}, "größe": "\N{SNOWMAN}", "phase": 1},
            system_attrs={"fixed_params": {"rank": number}},
            intermediate_values=steps if number % 2 else {},
        )
        one.add_trial(trial)
        two.add_trial(create_trial(state=TrialState.COMPLETE, values=[number, -math.inf]))
    one.ask()
    two.ask({"rank": DISTRIBUTIONS["rank"]})
    one.enqueue_trial({"rank": 4}, user_attrs={"seed": 3})
    two.enqueue_trial({"rank": 8})
    storage.engine.dispose()


def in_order(trial: FrozenTrial) -> FrozenTrial:
    """The trial with sorted attributes and steps."""
    trial.user_attrs = dict(sorted(trial.user_attrs.items()))
    trial.system_attrs = dict(sorted(trial.system_attrs.items()))
    trial.intermediate_values = dict(sorted(trial.intermediate_values.items()))
    return trial


def described(trials: Iterable[FrozenTrial]) -> list[str]:
    """A comparable text of each trial, including the order of its mappings; NaN equals NaN."""
    return [repr(sorted(vars(trial).items())) for trial in trials]


def test_every_trial_equals_optuna_s(tmp_path: Path) -> None:
    """In each study of a database, in every state, with non-finite values and steps."""
    url = f"sqlite:///{tmp_path}/mixed.db"
    mixed(url)
    theirs, ours = RDBStorage(url), Backend(url)
    for study in theirs.get_all_studies():
        expected = theirs.get_all_trials(study._study_id)
        found = ours.get_all_trials(study._study_id)

        assert described(found) == described(expected)
    states = {trial.state for trial in ours.get_all_trials(1)}
    assert states == set(TrialState)


@pytest.mark.integration
def test_every_trial_of_a_server_equals_optuna_s(postgres: Postgres) -> None:
    """A server returns attributes in no particular order."""
    url = postgres.new_database()
    mixed(url)
    theirs, ours = RDBStorage(url), Backend(url)
    for study in theirs.get_all_studies():
        expected = theirs.get_all_trials(study._study_id)
        found = ours.get_all_trials(study._study_id)

        assert described(map(in_order, found)) == described(map(in_order, expected))
    for storage in (theirs, ours):
        storage.engine.dispose()


def test_a_missing_study_raises_as_in_optuna(tmp_path: Path) -> None:
    """With Optuna's exception, which is translated elsewhere."""
    url = f"sqlite:///{tmp_path}/mixed.db"
    mixed(url)

    with pytest.raises(KeyError, match="Record does not exist"):
        Backend(url).get_all_trials(7)


def test_later_changes_are_read_too(tmp_path: Path) -> None:
    """A driver reads repeatedly: finished trials are cached, open and new ones read again."""
    url = f"sqlite:///{tmp_path}/mixed.db"
    mixed(url)
    cached = _CachedStorage(Backend(url))
    first = cached.get_all_trials(1)
    (waiting,) = [trial for trial in first if trial.state == TrialState.WAITING]
    study = optuna.load_study(study_name="one", storage=RDBStorage(url))
    assert study.ask().number == waiting.number
    study.tell(waiting.number, 0.75)
    study.tell(study.ask(), 0.5)

    assert described(cached.get_all_trials(1)) == described(study.get_trials())
    assert len(study.trials) == len(first) + 1


def test_a_status_does_not_depend_on_the_reader(tmp_path: Path) -> None:
    """Counts, best, failures, remaining trials and every row, for trials of all outcomes."""
    spec = StudySpec(
        name="toy",
        objective="objectives.synthetic:Synthetic",
        space=Space({"rank": Choice(1, 2, 4, 8), "alpha": Choice(1, 2), "targets": Choice("key")}),
        settings={
            "function": "surface",
            "steps": 2,
            "fail_on": [{"rank": 1}],
            "out_of_memory_on": [{"rank": 8}],
        },
        budget=Budget(trials=4),
    )
    address = StorageUrl.parse(f"sqlite:///{tmp_path}/study.db")
    with quiet_optuna():
        study = run_study(spec, address, NullListener())
        study.ask()
        study.enqueue_trial({"rank": 2, "alpha": 2, "targets": "key"})
        theirs = optuna.load_study(
            study_name="toy", storage=_CachedStorage(RDBStorage(address.url))
        )
        ours = open_known(address)

        found = snapshot(ours, address)
        assert found == snapshot(theirs, address)
    counts = found["counts"]
    assert counts["COMPLETE"] == 4
    assert min(counts["FAIL"], counts["PRUNED"], counts["RUNNING"], counts["WAITING"]) >= 1
