"""Studies that load the driver: filled with realistic trials, and run on simulated workers."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import optuna
from optuna.trial import TrialState, create_trial

from benchmarks.cluster.multiply import multiply
from benchmarks.cluster.simulated import DETAILS, METRICS, Load, SimulatedLauncher
from sweep import Budget, Choice, Float, Sampler, Space, StudySpec, TargetSets
from sweep.driver.artifacts import ArtifactRetention
from sweep.driver.listener import Callbacks, NullListener
from sweep.driver.loop import TuningLoop
from sweep.driver.run_study import driven
from sweep.driver.trial_store import TrialStore
from sweep.sampling.samplers import distributions
from sweep.signals import Interrupts
from sweep.storage.studies import quiet_optuna
from sweep.storage.trial_folders import TrialFolders
from sweep.storage.url import StorageUrl
from sweep.study.objective import ObjectiveInfo
from sweep.study.spec import Policy

SPACE = Space(
    {
        "rank": Choice(2, 4, 8, 16, 32),
        "alpha": Choice(2, 4, 8, 16, 32, 64),
        "targets": TargetSets("query+value", "qkv", "mlp", "attention", "all-linear"),
        "learning_rate": Float(5e-4, 1e-2, log=True),
    }
)


def make_spec(sampler: str, trials: int) -> StudySpec:
    """The spec of a study of four parameters."""
    return StudySpec(
        name="loaded",
        objective="objectives.synthetic:Synthetic",
        space=SPACE,
        settings={"function": "surface"},
        sampler=Sampler(sampler),
        budget=Budget(trials=trials),
        policy=Policy(keep="none"),
    )


def fill(address: StorageUrl, trials: int, evaluations: int) -> None:
    """Create a study with a number of complete trials."""
    spec = make_spec("random", trials)
    with quiet_optuna(), driven(spec, address, ObjectiveInfo(), take_over=False) as (study, _):
        study.add_trials(_trials(min(trials, _ADDED), evaluations))
    if trials > _ADDED:
        multiply(address.url, trials)


_ADDED = 50


def _trials(count: int, evaluations: int) -> list[optuna.trial.FrozenTrial]:
    random = np.random.default_rng(1)
    known = distributions(SPACE)
    steps = range(1, evaluations + 1)
    return [
        create_trial(
            state=TrialState.COMPLETE,
            value=float(random.random()),
            params={name: _drawn(each, random) for name, each in known.items()},
            distributions=known,
            intermediate_values=dict.fromkeys(steps, 0.5),
            user_attrs={
                "phase": "search",
                "replicate": 0,
                "seed": 0,
                "seconds": 60.0,
                "metrics": METRICS,
                "details": DETAILS,
                "curve": [{"step": step, "value": 0.5, "loss": 0.1} for step in steps],
            },
        )
        for _ in range(count)
    ]


def _drawn(known: optuna.distributions.BaseDistribution, random: np.random.Generator) -> Any:
    if isinstance(known, optuna.distributions.CategoricalDistribution):
        return known.choices[random.integers(len(known.choices))]
    assert isinstance(known, optuna.distributions.FloatDistribution)  # noqa: S101 - our own space
    return float(np.exp(random.uniform(np.log(known.low), np.log(known.high))))


@dataclass
class Spent:
    """CPU seconds and number of calls of the driver's operations."""

    seconds: dict[str, float] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)

    def watch(self, owner: Any, name: str) -> None:
        """Time an object's method from now on."""
        act: Callable[..., Any] = getattr(owner, name)

        def timed(*arguments: Any) -> Any:
            before = time.process_time()
            try:
                return act(*arguments)
            finally:
                took = time.process_time() - before
                self.seconds[name] = self.seconds.get(name, 0.0) + took
                self.calls[name] = self.calls.get(name, 0) + 1

        setattr(owner, name, timed)

    def each(self, name: str) -> float:
        """Mean CPU milliseconds of a call."""
        return 1000 * self.seconds.get(name, 0.0) / max(self.calls.get(name, 0), 1)


@dataclass(frozen=True)
class Drive:
    """The measurements of one run of the driver.

    Attributes:
        trials: trials finished while every worker was busy.
        seconds: simulated time from the first of them to the last.
        cost: total CPU seconds per trial.
        spent: CPU seconds in ``ask``, ``tell``, ``report`` and ``owed``.
    """

    trials: int
    seconds: float
    cost: float
    spent: Spent

    @property
    def rate(self) -> float:
        """Trials per second."""
        return (self.trials - 1) / self.seconds


@contextlib.contextmanager
def _loop(
    address: StorageUrl, spec: StudySpec, launcher: SimulatedLauncher
) -> Iterator[tuple[TuningLoop, TrialStore]]:
    """The collaborators of ``sweep.driver.run_study.run_study``, with a simulated launcher."""
    held = driven(spec, address, ObjectiveInfo(), take_over=False)
    with quiet_optuna(), Interrupts() as interrupts, held as (study, owner):
        store = TrialStore(study, spec, address, owner)
        keeper = ArtifactRetention(
            spec, TrialFolders.of_study(address, spec.name, spec.policy.keep)
        )
        loop = TuningLoop(store, keeper, launcher, NullListener(), interrupts, Callbacks(study))
        try:
            yield loop, store
        finally:
            launcher.close()
            store.abandon()


def rename_sampler(address: StorageUrl, sampler: str, trials: int) -> StudySpec:
    """Change the sampler of a filled study, which users cannot."""
    spec = make_spec(sampler, trials)
    study = optuna.load_study(study_name=spec.name, storage=address.url)
    study.set_user_attr("spec", spec.to_json())
    study.set_user_attr("spec_digest", spec.digest())
    return spec


def drive(address: StorageUrl, spec: StudySpec, load: Load, workers: int, lanes: int = 1) -> Drive:
    """Run a study to its budget on simulated workers, and measure the driver's time.

    The first and the last trial of each lane are not counted, as they find the driver idle.
    """
    launcher, spent = SimulatedLauncher(spec, load, workers, lanes), Spent()
    with _loop(address, spec, launcher) as (loop, store):
        for name in ("ask", "tell", "report", "owed"):
            spent.watch(store, name)
        started = time.process_time()
        loop.sweep()
        used = time.process_time() - started
    marks = launcher.clock.settled[workers * lanes - 1 : -workers * lanes]
    return Drive(len(marks), marks[-1] - marks[0], used / spent.calls["tell"], spent)
