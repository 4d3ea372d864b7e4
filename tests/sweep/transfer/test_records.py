"""A trial as one flat record."""

import json
import os
import subprocess
import sys
from datetime import datetime

import optuna
from optuna.distributions import FloatDistribution
from optuna.trial import create_trial

from sweep.transfer.records import Table, record, whole

TOKYO = """
from datetime import datetime
import optuna
from sweep.transfer.records import record
trial = optuna.trial.create_trial(value=1.0)
trial.datetime_start = datetime(2026, 11, 24, 9, 0, 0, 5)
print(record(trial)["datetime_start"])
"""


def test_parameters_metrics_and_failures_have_columns_by_name(foreign: optuna.Study) -> None:
    """Nested attributes become columns; deeper levels stay JSON text."""
    complete, failed = record(foreign.trials[1]), record(foreign.trials[3])

    assert complete["params.rank"] == 8
    assert complete["metrics.mcc"] == complete["value"] + 0.15 == 0.25
    assert "metrics.per_ligand" not in complete
    assert json.loads(str(complete["user_attrs"]))["metrics"]["per_ligand"] == {"ATP": {"f1": 1}}
    assert (failed["failure.reason"], failed["failure.kind"]) == ("nan", "NonFiniteValue")
    assert failed["retry_of"] == 1
    assert failed["value"] is None


def test_several_objectives_have_values_and_no_value() -> None:
    """A single one could be taken for the result."""
    study = optuna.create_study(directions=["maximize", "minimize"])
    study.add_trial(create_trial(values=[0.5, 2.0]))
    row = record(study.trials[0])

    assert row["value"] is None
    assert row["values"] == "[0.5, 2.0]"


def test_a_foreign_study_may_use_our_names_for_other_things() -> None:
    """They are in the text of all attributes, and raise no error."""
    attributes = {"metrics": [1, 2], "failure": "bad luck", "seed": "abc", "seconds": {"cpu": 3}}
    trial = create_trial(value=1.0, user_attrs=attributes)
    row = record(trial)

    assert row["seed"] == "abc"
    assert "seconds" not in row
    assert json.loads(str(row["user_attrs"])) == attributes
    assert Table.of([row]).columns["seed"] == "text"


def test_times_are_utc_in_any_local_time_zone() -> None:
    """Optuna returns naive local times."""
    run = subprocess.run(
        [sys.executable, "-c", TOKYO],
        env=os.environ | {"TZ": "Asia/Tokyo"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert run.stdout.strip() == "2026-11-24T00:00:00.000005+00:00"


def test_a_change_of_any_part_of_a_trial_is_detected() -> None:
    """A comparison that ignores a part would accept a bad copy."""

    def made() -> optuna.trial.FrozenTrial:
        trial = create_trial(
            value=1.0,
            params={"x": 1.0},
            distributions={"x": FloatDistribution(0, 2)},
            intermediate_values={1: 1.0},
            user_attrs={"a": 1},
            system_attrs={"b": 1},
        )
        trial.datetime_start = trial.datetime_complete = datetime(2026, 1, 1)  # noqa: DTZ001 - as Optuna's
        return trial

    changes = {
        "number": 5,
        "state": optuna.trial.TrialState.PRUNED,
        "values": [2.0],
        "datetime_start": datetime(2026, 1, 2),  # noqa: DTZ001
        "datetime_complete": datetime(2026, 1, 2),  # noqa: DTZ001
        "params": {"x": 1.5},
        "distributions": {"x": FloatDistribution(0, 3)},
        "intermediate_values": {2: 1.0},
        "user_attrs": {"a": True},
        "system_attrs": {"b": 1.0},
    }
    assert set(changes) == set(whole(made()))
    for name, value in changes.items():
        other = made()
        setattr(other, name, value)
        differing = {key for key, part in whole(made()).items() if part != whole(other)[key]}

        assert differing == {name}
