"""Unusual studies of plain Optuna, with anything that its storages accept."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

Params = dict[str, Any]
RANGES: Mapping[str, Any] = {"x": FloatDistribution(0.0, 1.0), "n": IntDistribution(1, 9)}

NAMES = (
    "failure",
    "details",
    "metrics",
    "seconds",
    "curve",
    "history",
    "about",
    "spec",
    "spec_digest",
    "schema",
    "points",
    "owner",
    "copying",
    "files",
    "fingerprints",
    "versions",
    "pinned",
    "command",
    "final_test",
    "baseline:x/0",
    "phase",
    "design",
    "seed",
    "replicate",
    "retry_of",
    "rerun_of",
    "reused_from",
)
"""Names of lorasweep's own attributes."""

TYPES: tuple[Any, ...] = (None, True, 7, 2.5, "text", [1, "a"], {"a": 1}, {"name": "x"}, "", [])


def add(study: optuna.Study, value: float | None, **more: Any) -> None:
    """Add one trial."""
    number = len(study.get_trials(deepcopy=False))
    state = more.pop("state", TrialState.COMPLETE)
    drawn: Params = {"x": (number * 0.37) % 1.0, "n": 1 + number % 9}
    fields = {"params": drawn, "distributions": dict(RANGES), **more}
    study.add_trial(create_trial(state=state, value=value, **fields))


def several(study: optuna.Study, n: int = 6) -> None:
    """Several ordinary trials."""
    for number in range(n):
        add(study, 0.1 * number)


def attributes(kind: int) -> Callable[[optuna.Study], None]:
    """Trials and a study with attributes named like lorasweep's, of one type."""

    def make(study: optuna.Study) -> None:
        types = {name: TYPES[(kind + i) % len(TYPES)] for i, name in enumerate(NAMES)}
        several(study, 3)
        for state in (TrialState.FAIL, TrialState.PRUNED, TrialState.COMPLETE):
            value = 0.5 if state == TrialState.COMPLETE else None
            add(study, value, state=state, user_attrs=types)
        for name, value in types.items():
            study.set_user_attr(name, value)

    return make


def _named(*names: str) -> Callable[[optuna.Study], None]:
    def make(study: optuna.Study) -> None:
        ranges = {name: FloatDistribution(0.0, 1.0) for name in names}
        for number in range(6):
            drawn = {name: (number * 0.37 + i * 0.11) % 1.0 for i, name in enumerate(names)}
            add(study, 0.1 * number, params=drawn, distributions=ranges)

    return make


def _valued(*values: float) -> Callable[[optuna.Study], None]:
    def make(study: optuna.Study) -> None:
        several(study)
        for value in values:
            add(study, value)

    return make


def _infeasible(study: optuna.Study) -> None:
    for number in range(6):
        add(study, 0.1 * number, constraints={"memory": 1.0})


def _only(state: TrialState, **more: Any) -> Callable[[optuna.Study], None]:
    def make(study: optuna.Study) -> None:
        for _ in range(3):
            add(study, None, state=state, **more)

    return make


def _unfinished(study: optuna.Study) -> None:
    study.enqueue_trial({"x": 0.5})
    study.enqueue_trial({"y": "elsewhere"})
    study.ask(dict(RANGES))


def _choices(*choices: Any) -> Callable[[optuna.Study], None]:
    def make(study: optuna.Study) -> None:
        ranges = {"c": CategoricalDistribution(choices), **RANGES}
        for number in range(6):
            drawn = {"c": choices[number % len(choices)], "x": (number * 0.37) % 1, "n": 2}
            add(study, 0.1 * number, params=drawn, distributions=ranges)

    return make


def _curves(study: optuna.Study) -> None:
    steps = {0: math.nan, 1: math.inf, 2: 0.5, 10**9: -math.inf}
    several(study)
    add(study, 0.5, intermediate_values=steps, user_attrs={"loss": math.nan})
    add(study, None, state=TrialState.PRUNED, intermediate_values=steps)


def _no_params(study: optuna.Study) -> None:
    for number in range(4):
        add(study, 0.1 * number, params={}, distributions={})


def _failing(study: optuna.Study) -> None:
    several(study)
    for _ in range(5):
        add(study, None, state=TrialState.FAIL)


ZOO: dict[str, Callable[[optuna.Study], None]] = {
    "empty": lambda _: None,
    "usual": several,
    **{f"attributes as lorasweep's, {i}": attributes(i) for i in (0, 3, 6, 7)},
    "a blank name": _named("", "x"),
    "names of blanks": _named(" ", "x"),
    "names with dots": _named("model.layers.0", "opt/lr", "x"),
    "names of several lines": _named("a\nb", "x\ty"),
    "names as lorasweep's columns": _named("value", "number", "seed", "params.x"),
    "names of parts": _named("rank", "alpha", "targets"),
    "infinite values": _valued(math.inf, -math.inf),
    "only infinite": lambda study: [add(study, math.inf) for _ in range(3)] and None,
    "a penalty": _valued(1e155),
    "penalties that overflow": _valued(1.7e308, -1.7e308),
    "denormals": _valued(5e-324, -5e-324),
    "all the same": lambda study: [add(study, 0.5) for _ in range(6)] and None,
    "nothing feasible": _infeasible,
    "pruned alone": _only(TrialState.PRUNED, intermediate_values={1: math.nan}),
    "failed alone": _only(TrialState.FAIL),
    "running and waiting": _unfinished,
    "some failed": _failing,
    "no parameters": _no_params,
    "curves not finite": _curves,
    "choices not finite": _choices(math.nan, math.inf, 1.0),
    "choices of several kinds": _choices(None, True, 1, "1", 1.5),
    "choices that are lists": _choices([1, 2], ["a"], {"a": 1}),
    "choices beyond 64 bits": _choices(2**70, -(2**64), 1),
    "choices of odd texts": _choices("", " ", "=1+1", "a\nb"),
}
"""Makers of studies by what is unusual."""
