"""A small real study with callbacks, for tests of trackers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import optuna

from sweep import Budget, Choice, Sampler, Space, StudySpec, TargetSets
from sweep.driver.listener import Callback, NullListener
from sweep.driver.run_study import Options, run_study
from sweep.storage.studies import quiet_optuna
from sweep.storage.url import StorageUrl
from sweep.study.spec import Policy

SPEC = StudySpec(
    name="tracked",
    objective="objectives.synthetic:Synthetic",
    space=Space(
        {
            "rank": Choice(1, 2, 4, 8),
            "alpha": Choice(2),
            "targets": TargetSets("qkv", wide="all-linear"),
        }
    ),
    settings={
        "function": "surface",
        "noise": 0.01,
        "steps": 3,
        "fail_on": [{"rank": 8, "targets": "key+query+value"}],
    },
    sampler=Sampler("grid"),
    budget=Budget(trials=7),
    policy=Policy(max_retries=0),
)
"""Eight configurations of three evaluations each, one of which fails."""


def tracked(folder: Path, callbacks: Sequence[Callback]) -> optuna.Study:
    """Run the study to its end with ``callbacks``."""
    address = StorageUrl.parse(f"sqlite:///{folder}/tracked.db")
    how = Options(workers=1, callbacks=tuple(callbacks))
    with quiet_optuna():
        return run_study(SPEC, address, NullListener(), how)
