"""What a study owes and has: the driver's ask and tell over the database.

Everything a trial yields is written before its state, so that a trial that reads
COMPLETE has all it should have, wherever the driver was killed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweep.sampling import (
    configuration_key,
    distributions,
    make_pruner,
    make_sampler,
    tried_configurations,
    untried,
)
from sweep.spec import Baseline, StudySpec
from sweep.trial import Failure, TrialParams, TrialResult

INTERRUPTED = Failure("interrupted", "Interrupted", "the driver ended while the trial ran")


class Ledger:
    """The trials of one study, as its only driver sees them.

    Args:
        study: an open study made from ``spec``.
        spec: what it measures.
    """

    def __init__(self, study: optuna.Study, spec: StudySpec) -> None:
        self.study = study
        self.spec = spec
        self._distributions = distributions(spec.space)
        self._running: dict[int, optuna.Trial] = {}
        self._curves: dict[int, list[dict[str, float]]] = {}
        study.sampler = make_sampler(spec, len(self._trials()))
        study.pruner = make_pruner(spec)

    def _trials(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)

    def count(self, state: TrialState) -> int:
        """How many trials are in a state."""
        return sum(trial.state == state for trial in self._trials())

    def running(self) -> int:
        """How many trials this driver has started and not yet told."""
        return len(self._running)

    def owed(self) -> int:
        """How many more trials to start so that the target of COMPLETE ones is met."""
        complete = self.count(TrialState.COMPLETE)
        return max(0, self.spec.budget.trials - complete - self.running())

    def recover(self) -> int:
        """Close what an earlier driver left RUNNING and queue it again.

        Returns:
            How many trials were interrupted.
        """
        left = [trial for trial in self._trials() if trial.state == TrialState.RUNNING]
        for trial in left:
            # Optuna has no public way to annotate a trial of another process.
            self.study._storage.set_trial_user_attr(  # noqa: SLF001
                trial._trial_id,  # noqa: SLF001
                "failure",
                INTERRUPTED.to_json(),
            )
            self.study.tell(trial.number, state=TrialState.FAIL)
            if set(trial.params) == set(self.spec.space):  # else it died before it had values
                self._enqueue(trial.params, trial.user_attrs.get("replicate", 0), trial.number)
        self._top_up_replicates()
        return len(left)

    def _enqueue(
        self, values: Mapping[str, Any], replicate: int, retry_of: int | None = None
    ) -> None:
        attributes: dict[str, Any] = {"replicate": replicate, "seed": self.spec.seeds[replicate]}
        if retry_of is not None:
            attributes["retry_of"] = retry_of
        self.study.enqueue_trial(dict(values), user_attrs=attributes)

    def _top_up_replicates(self) -> None:
        """Queue the replicates that a crash between ask and enqueue left out."""
        have: dict[tuple[tuple[str, str], ...], tuple[Mapping[str, Any], set[int]]] = {}
        for trial in self._trials():
            values = trial.system_attrs.get("fixed_params") or trial.params
            if set(values) == set(self.spec.space):
                _, replicates = have.setdefault(configuration_key(values), (values, set()))
                replicates.add(trial.user_attrs.get("replicate", 0))
        for values, replicates in have.values():
            for missing in sorted(set(range(len(self.spec.seeds))) - replicates):
                self._enqueue(values, missing)

    def ask(self) -> TrialParams | None:
        """Start the next trial.

        Returns:
            Its parameters; None when a finite space has no configuration left.
        """
        trials = self._trials()
        queued = any(trial.state == TrialState.WAITING for trial in trials)
        if not queued and untried(self.spec.space, tried_configurations(trials)) == []:
            return None
        trial = self.study.ask(self._distributions)
        self._running[trial.number] = trial
        if "replicate" not in trial.user_attrs:
            trial.set_user_attr("replicate", 0)
            trial.set_user_attr("seed", self.spec.seeds[0])
            for replicate in range(1, len(self.spec.seeds)):
                self._enqueue(trial.params, replicate)
        replicate = trial.user_attrs["replicate"]
        return TrialParams(trial.number, trial.params, self.spec.seeds[replicate], replicate)

    def report(self, number: int, step: int, value: float, metrics: Mapping[str, float]) -> bool:
        """Write one intermediate value; True asks the trial to stop."""
        trial = self._running.get(number)
        if trial is None:  # a baseline: measured, never pruned
            return False
        trial.report(value, step)
        curve = self._curves.setdefault(number, [])
        curve.append({"step": step, "value": value, **metrics})
        trial.set_user_attr("curve", curve)
        return trial.should_prune()

    def tell(self, result: TrialResult) -> None:
        """Write a trial's result, its state last."""
        trial = self._running.pop(result.number)
        self._curves.pop(result.number, None)
        trial.set_user_attr("metrics", dict(result.metrics))
        trial.set_user_attr("details", dict(result.details))
        trial.set_user_attr("seconds", result.seconds)
        if result.failure is not None:
            trial.set_user_attr("failure", result.failure.to_json())
        self.study.tell(trial, result.value, TrialState[result.state.value])

    def abandon(self) -> None:
        """Close this driver's own RUNNING trials; ``recover`` queues them again."""
        for trial in self._running.values():
            trial.set_user_attr("failure", INTERRUPTED.to_json())
            self.study.tell(trial, state=TrialState.FAIL)
            self._enqueue(trial.params, trial.user_attrs["replicate"], trial.number)
        self._running.clear()

    def owed_baselines(self) -> list[tuple[Baseline, TrialParams]]:
        """The baselines still to be measured, once per seed; numbered -1, -2, ..."""
        pairs = [
            (baseline, replicate)
            for baseline in self.spec.baselines
            for replicate in range(len(self.spec.seeds))
        ]
        return [
            (
                baseline,
                TrialParams(-1 - index, baseline.values, self.spec.seeds[replicate], replicate),
            )
            for index, (baseline, replicate) in enumerate(pairs)
            if f"baseline:{baseline.name}/{replicate}" not in self.study.user_attrs
        ]

    def tell_baseline(self, baseline: Baseline, params: TrialParams, result: TrialResult) -> None:
        """Write a measured baseline; a failed one is left owed."""
        if result.failure is None:
            self.study.set_user_attr(
                f"baseline:{baseline.name}/{params.replicate}",
                {
                    "name": baseline.name,
                    "replicate": params.replicate,
                    "values": dict(params.values),
                    "value": result.value,
                    "metrics": dict(result.metrics),
                    "details": dict(result.details),
                    "seconds": result.seconds,
                },
            )
