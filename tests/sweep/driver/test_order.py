"""Results arrive in any order: the measurement stays as designed, and no lane waits."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from sweep import Budget, Choice, Design, Sampler, Space, StudySpec, TargetSets
from sweep.driver.listener import NullListener
from sweep.driver.run_study import Options, run_study
from sweep.storage.studies import quiet_optuna
from sweep.storage.url import StorageUrl

SPEC = StudySpec(
    name="order",
    objective="faults.delayed:Delayed",
    space=Space(
        {
            "rank": Choice(1, 2, 4, 8),
            "alpha": Choice(2, 8, 32),
            "targets": TargetSets("qkv", "mlp", wide="all-linear"),
        }
    ),
    settings={"function": "surface", "noise": 0.01, "collapse_on": [{"rank": 8}]},
    sampler=Sampler("tpe", seed=3),
    seeds=(0, 1),
    design=Design(configurations=12, duplicates=4),
    budget=Budget(trials=22),
)


def run(folder: Path, workers: int, pack: int, **settings: int) -> optuna.Study:
    """Run a sweep to its end, in a new database."""
    spec = replace(SPEC, settings={**SPEC.settings, **settings})
    name = "-".join(map(str, (workers, pack, *settings.values())))
    address = StorageUrl.parse(f"sqlite:///{folder}/{name}.db")
    with quiet_optuna():
        return run_study(spec, address, NullListener(), Options(workers=workers, pack=pack))


def ended(study: optuna.Study) -> list[int]:
    """Numbers of the trials in order of completion."""
    over = sorted(study.trials, key=lambda trial: trial.datetime_complete or 0)
    return [trial.number for trial in over]


def measured(study: optuna.Study) -> Counter[tuple[object, ...]]:
    """A measurement's configurations, seeds, tags, replicates and values."""
    return Counter(
        (
            *sorted(trial.params.items()),
            *(trial.user_attrs.get(tag) for tag in ("design", "replicate", "seed")),
            "rerun_of" in trial.user_attrs,
            trial.state.name,
            trial.value,
        )
        for trial in study.trials
        if trial.user_attrs["phase"] == "measure"
    )


@pytest.mark.integration
@pytest.mark.parametrize(
    "delays",
    [1, *(pytest.param(chance, marks=pytest.mark.slow) for chance in (2, 3, 4, 5))],
)
def test_the_measurement_does_not_depend_on_the_order_of_results(
    tmp_path: Path, delays: int
) -> None:
    """Three workers of two lanes with random delays, against one trial after the other."""
    calm = run(tmp_path, workers=1, pack=1)
    mixed = run(tmp_path, workers=3, pack=2, delays=delays)

    assert ended(calm) == sorted(ended(calm))
    assert ended(mixed) != sorted(ended(mixed))
    assert measured(mixed) == measured(calm)
    assert measured(calm).total() > 16  # twelve points, four second seeds, and reruns
    assert [t.user_attrs["phase"] for t in mixed.trials].count("search") >= 6


@pytest.mark.slow
@pytest.mark.parametrize(("workers", "pack"), [(2, 1), (1, 2)])
def test_a_slow_trial_delays_no_other(tmp_path: Path, workers: int, pack: int) -> None:
    """In another worker or another lane, the others start and finish meanwhile."""
    study = run(tmp_path, workers, pack, delays=1, straggler=150)

    assert study.trials[0].state.name == "COMPLETE"
    assert ended(study).index(0) >= 6
