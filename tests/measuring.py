"""Studies with a design of configurations and replicates, and helpers to complete them."""

from __future__ import annotations

from dataclasses import replace

from sweep import Budget, Choice, Design, Float, Space, StudySpec, TargetSets
from sweep.driver.trial_store import TrialStore
from sweep.study.trial import TrialParams, TrialResult
from sweep.study.trial import TrialState as State

DESIGN = Design(configurations=8, duplicates=2, tries=5)


def measured(spec: StudySpec, trials: int = 10) -> StudySpec:
    """A study with a design of 8 configurations and 2 duplicates over a continuous space."""
    space = Space(
        {
            "rank": Choice(2, 4, 8),
            "scaling": Choice(1.0, 2.0),
            "targets": TargetSets("qkv", "query+value", "mlp", "all-linear"),
            "learning_rate": Float(1e-4, 1e-2, log=True),
        }
    )
    return replace(spec, space=space, design=DESIGN, budget=Budget(trials=trials))


def complete(params: TrialParams, value: float = 0.5, **metrics: object) -> TrialResult:
    """A result with a value."""
    return TrialResult(params.number, State.COMPLETE, value, {"mcc": value, **metrics})


def run(store: TrialStore) -> list[TrialParams]:
    """Complete the remaining trials one after the other."""
    asked = []
    while store.owed():
        params = store.ask()
        if params is None:
            break
        asked.append(params)
        store.tell(complete(params, 0.1 * params.values["rank"]))
    return asked


def tags(store: TrialStore) -> list[tuple[str, int | None, int]]:
    """Phase, index in the design and replicate of each trial, in order of number."""
    return [
        (t.user_attrs["phase"], t.user_attrs.get("design"), t.user_attrs["replicate"])
        for t in store.study.trials
    ]
