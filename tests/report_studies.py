"""Real studies in real databases, for tests of reports."""

from __future__ import annotations

import atexit
import shutil
import sqlite3
import tempfile
from contextlib import closing
from functools import cache
from pathlib import Path

import optuna

from sweep import Budget, Choice, Float, Sampler, Space, StudySpec, TargetSets
from sweep.driver.listener import NullListener
from sweep.driver.run_study import Options, run_study
from sweep.storage.studies import load_study, quiet_optuna
from sweep.storage.url import StorageUrl
from sweep.study.spec import Policy


def mixed(folder: Path) -> tuple[optuna.Study, StorageUrl]:
    """A study of trials with two seeds each, some of which fail, run out of memory or collapse.

    The study is run once per process; each caller gets a copy.
    """
    address = StorageUrl.parse(f"sqlite:///{folder}/mixed.db")
    path = folder / "mixed.db"
    with closing(sqlite3.connect(_mixed())) as whole, closing(sqlite3.connect(path)) as copy:
        whole.backup(copy)
    with quiet_optuna():
        return load_study(address), address


@cache
def _mixed() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="mixed-"))
    atexit.register(shutil.rmtree, folder)
    spec = StudySpec(
        name="mixed <b>",
        objective="objectives.synthetic:Synthetic",
        space=Space(
            {
                "rank": Choice(1, 2, 4, 8),
                "alpha": Choice(2, 8),
                "targets": TargetSets("qkv", "mlp", wide="all-linear"),
                "learning_rate": Float(1e-4, 1e-2, log=True),
            }
        ),
        settings={
            "function": "surface",
            "noise": 0.01,
            "steps": 3,
            "fail_on": [{"rank": 8, "alpha": 2}],
            "out_of_memory_on": [{"rank": 8, "alpha": 8}],
            "collapse_on": [{"rank": 1, "alpha": 8, "targets": "mlp.down+mlp.up"}],
        },
        seeds=(0, 1),
        sampler=Sampler("random", seed=3),
        budget=Budget(trials=50),
        policy=Policy(max_retries=0),
    )
    address = StorageUrl.parse(f"sqlite:///{folder}/mixed.db")
    with quiet_optuna():
        run_study(spec, address, NullListener(), Options(workers=1, command="lorasweep run x"))
    return folder / "mixed.db"


def plain(folder: Path, trials: int, name: str = "plain") -> tuple[optuna.Study, StorageUrl]:
    """A study of plain Optuna, with one parameter and a constant value."""
    path = folder / f"{name}.db"
    study = optuna.create_study(storage=f"sqlite:///{path}", study_name=name)
    study.optimize(lambda trial: 0.25 + 0.0 * trial.suggest_float("x", 0, 1), n_trials=trials)
    return study, StorageUrl.parse(f"sqlite:///{path}")
