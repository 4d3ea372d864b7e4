"""Baselines of a study: measured once per seed, stored as study attributes, not as trials."""

from __future__ import annotations

import optuna

from sweep.study.spec import Baseline, StudySpec
from sweep.study.trial import TrialParams, TrialResult


def owed_baselines(study: optuna.Study, spec: StudySpec) -> list[tuple[Baseline, TrialParams]]:
    """The baselines not yet measured, one per seed, with trial numbers -1, -2, ..."""
    pairs = [
        (baseline, replicate) for baseline in spec.baselines for replicate in range(len(spec.seeds))
    ]
    have = study.user_attrs
    return [
        (baseline, TrialParams(-1 - index, baseline.values, spec.seeds[replicate], replicate))
        for index, (baseline, replicate) in enumerate(pairs)
        if _key(baseline, replicate) not in have
    ]


def write_baseline(
    study: optuna.Study, baseline: Baseline, params: TrialParams, result: TrialResult
) -> None:
    """Store the result of a baseline as a study attribute."""
    record = {
        "name": baseline.name,
        "replicate": params.replicate,
        "values": dict(params.values),
        "value": result.value,
        "metrics": dict(result.metrics),
        "details": dict(result.details),
        "seconds": result.seconds,
    }
    study.set_user_attr(_key(baseline, params.replicate), record)


def _key(baseline: Baseline, replicate: int) -> str:
    return f"baseline:{baseline.name}/{replicate}"
