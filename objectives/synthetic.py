"""Closed-form objectives whose hyperparameter importances are known.

For tests, documentation and first trials of the framework: a trial takes microseconds. The
functions and their shares of variance (Sobol indices): ``linear``: 2 x1 + x2, shares 0.8 and 0.2
on equal ranges. ``product``: x1 x2, on [-1, 1] all interaction. ``ishigami``: shares 0.3139,
0.4424 and 0 on [-pi, pi], with 0.2437 in the interaction of x1 and x3 (Ishigami and Homma 1990,
doi:10.1109/ISUMA.1990.151285). ``surface``: imitates an MCC over rank, alpha and targets, where
the targets dominate.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, fields
from importlib import metadata
from typing import Any

import numpy as np

from objectives.cooperative import Walk, run_in_lanes
from sweep.errors import SpecError, fault
from sweep.files.location import Location, local_copy, parse_location, put_file
from sweep.study.lora_scaling import LoraScaling
from sweep.study.measures import Metric
from sweep.study.objective import ObjectiveInfo
from sweep.study.parameters import is_number
from sweep.study.rules import between, chosen, count, field_faults, ruled
from sweep.study.space import Space
from sweep.study.targets import members
from sweep.study.trial import (
    OUT_OF_MEMORY,
    Failure,
    Leave,
    Pack,
    Refill,
    Report,
    Scalar,
    TrialParams,
    TrialResult,
    TrialState,
    no_refill,
    stay,
)

Values = Mapping[str, Scalar]
Function = Callable[[Values], float]

GAINS: Mapping[str, float] = {
    "query": 0.010,
    "key": 0.005,
    "value": 0.030,
    "attention.output": 0.040,
    "mlp.up": 0.060,
    "mlp.down": 0.070,
}
"""Gain in ``surface`` from adapting each matrix."""


def linear(values: Values) -> float:
    """2 x1 + x2."""
    return 2.0 * float(values["x1"]) + float(values["x2"])


def product(values: Values) -> float:
    """x1 x2."""
    return float(values["x1"]) * float(values["x2"])


def ishigami(values: Values) -> float:
    """Ishigami's function, sin x1 + 7 sin^2 x2 + 0.1 x3^4 sin x1."""
    x1, x2, x3 = (float(values[name]) for name in ("x1", "x2", "x3"))
    return math.sin(x1) + 7.0 * math.sin(x2) ** 2 + 0.1 * x3**4 * math.sin(x1)


def surface(values: Values) -> float:
    """A simulated MCC: 0.15 with the head alone; the choice of targets adds most.

    Needs ``rank`` (0: head alone), ``targets``, and ``alpha`` or ``scaling``; may have ``rslora``.
    """
    rank = float(values["rank"])
    names = members(str(values["targets"]))
    if rank == 0 or not names:
        return 0.15
    rslora = bool(values.get("rslora", False))
    if "alpha" in values:
        scaling = LoraScaling(rank, float(values["alpha"]), rslora=rslora)
    else:
        scaling = LoraScaling.of_factor(rank, float(values["scaling"]), rslora=rslora)
    gained = sum(GAINS.get(name, 0.01) for name in names)
    misscaled = (math.log2(scaling.factor) - 1.0) ** 2
    return 0.15 + gained + 0.004 * math.log2(rank) - 0.0005 * misscaled


FUNCTIONS: Mapping[str, tuple[Function, tuple[tuple[str, ...], ...]]] = {
    "linear": (linear, (("x1",), ("x2",))),
    "product": (product, (("x1",), ("x2",))),
    "ishigami": (ishigami, (("x1",), ("x2",), ("x3",))),
    "surface": (surface, (("rank",), ("alpha", "scaling"), ("targets",))),
}
"""By name: the function, and the parameters it needs; a tuple lists alternatives."""

CHECKPOINT = "steps.txt"


class LeftError(Exception):
    """A trial stopped because ``leave`` asked it to."""


class SyntheticError(Exception):
    """The failure of a trial that meets a condition of ``fail_on``."""


def _are_conditions(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(
        isinstance(each, Mapping) and each for each in value
    )


_CONDITIONS = "be a list of non-empty mappings", _are_conditions


@dataclass(frozen=True)
class SyntheticSettings:
    """The function to compute, and the failures to simulate.

    A condition is a mapping that a trial meets when each entry equals the trial's parameter,
    or its ``number``, ``seed`` or ``replicate``: ``{"rank": 8, "targets": "key+query+value"}``.

    Attributes:
        function: one of ``FUNCTIONS``.
        noise: standard deviation of normal noise, drawn from the seed and the parameters.
        steps: number of intermediate values reported; they converge to the final value.
        sleep_seconds: duration of a trial, spread over the steps.
        fail_on: conditions under which a trial raises ``SyntheticError``.
        nan_on: conditions under which a trial returns NaN as its value.
        out_of_memory_on: conditions under which a trial raises ``MemoryError``.
        collapse_on: conditions under which a trial learns nothing: value 0, ``collapsed`` true.
        collapse_rate: probability that a trial collapses regardless of conditions, drawn from
            the seed and the parameters.
    """

    function: str = chosen("linear", *FUNCTIONS)
    noise: float = ruled(0.0, "be a number of 0 or more", between(0, math.inf))
    sleep_seconds: float = ruled(0.0, "be a number of 0 or more", between(0, math.inf))
    steps: int = ruled(1, "be a whole number of 1 or more", count(1))
    collapse_rate: float = ruled(
        0.0, "be a number of 0 to 1", lambda value: is_number(value) and 0 <= value <= 1
    )
    fail_on: Sequence[Values] = ruled((), *_CONDITIONS)
    nan_on: Sequence[Values] = ruled((), *_CONDITIONS)
    out_of_memory_on: Sequence[Values] = ruled((), *_CONDITIONS)
    collapse_on: Sequence[Values] = ruled((), *_CONDITIONS)

    @classmethod
    def parse(cls, settings: Mapping[str, Any]) -> SyntheticSettings:
        """Check the settings of a study and return them as a record.

        Raises:
            SpecError: with every unknown name and every broken rule.
        """
        known = [entry.name for entry in fields(cls)]
        faults = [
            fault(f"settings.{name}", f"be one of {', '.join(known)}", settings[name])
            for name in settings
            if name not in known
        ]
        made = cls(**{name: settings[name] for name in settings if name in known})
        faults += field_faults(made, "settings")
        if faults:
            raise SpecError(faults)
        return made


class Synthetic:
    """An objective that evaluates a closed-form function.

    Args:
        settings: see ``SyntheticSettings``.
        inputs: ignored.

    Raises:
        SpecError: with all faults of the settings.
    """

    def __init__(self, settings: Mapping[str, Any], inputs: Mapping[str, str]) -> None:
        del inputs
        self.settings = SyntheticSettings.parse(settings)
        self._function, self._needs = FUNCTIONS[self.settings.function]

    def facts(self) -> ObjectiveInfo:
        """The version of NumPy and the function; no fingerprints, since no inputs are read."""
        return ObjectiveInfo(
            versions={"numpy": metadata.version("numpy")},
            about={"function": self.settings.function, "noise": self.settings.noise},
            metrics=(Metric("value", "value"), Metric("noise_free", "noise free")),
        )

    def check(self, space: Space, baselines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Check that the space and each baseline have the parameters that the function needs.

        Returns:
            The function's name and the names of the space's parameters.

        Raises:
            SpecError: naming every missing parameter.
        """
        places = [("space", set(space))]
        places += [(f"baseline {dict(values)}", set(values)) for values in baselines]
        faults = [
            fault(where, f"have {' or '.join(names)} for {self.settings.function}", sorted(given))
            for where, given in places
            for names in self._needs
            # A baseline without adapters needs no alpha.
            if not given & set(names) and (where == "space" or "alpha" not in names)
        ]
        if faults:
            raise SpecError(faults)
        return {"function": self.settings.function, "parameters": list(space)}

    def run(
        self, pack: Pack, report: Report, leave: Leave = stay, refill: Refill = no_refill
    ) -> list[TrialResult]:
        """Evaluate the function for each trial; a pack takes as long as one trial."""
        pause = self.settings.sleep_seconds / self.settings.steps
        return run_in_lanes(pack, lambda params: self._run(params, report), leave, refill, pause)

    def _run(self, params: TrialParams, report: Report) -> Walk:
        started = time.perf_counter()
        try:
            value = self._value(params)
            state = yield from self._walk(params, value, report)
        except LeftError as left:
            seconds = time.perf_counter() - started
            return TrialResult.interrupted(params.number, str(left), seconds)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the trial's result
            seconds = time.perf_counter() - started
            reason = OUT_OF_MEMORY if isinstance(error, MemoryError) else "exception"
            return TrialResult.failed(params.number, Failure.from_exception(error, reason), seconds)
        return TrialResult(
            number=params.number,
            state=state,
            value=value if state is TrialState.COMPLETE else None,
            metrics={
                "noise_free": self._function(params.values),
                **({"collapsed": True} if self._collapses(params) else {}),
            },
            seconds=time.perf_counter() - started,
        )

    def _value(self, params: TrialParams) -> float:
        if _meets(params, self.settings.fail_on):
            raise SyntheticError(f"trial {params.number} was asked to fail")
        if _meets(params, self.settings.out_of_memory_on):
            raise MemoryError(f"trial {params.number} was asked to run out of memory")
        if _meets(params, self.settings.nan_on):
            return math.nan
        if self._collapses(params):
            return 0.0
        drawn = float(_generator(params).standard_normal())
        return self._function(params.values) + self.settings.noise * drawn

    def _collapses(self, params: TrialParams) -> bool:
        by_chance = _generator(params, "collapse").uniform() < self.settings.collapse_rate
        return by_chance or _meets(params, self.settings.collapse_on)

    def _walk(
        self, params: TrialParams, value: float, report: Report
    ) -> Generator[None, bool, TrialState]:
        """Report one intermediate value per step, each halving the distance to ``value``."""
        steps = self.settings.steps
        checkpoint = parse_location(params.folder) / CHECKPOINT if params.folder else None
        done = _steps_done(checkpoint)
        for step in range(1, steps + 1):
            if step > done:  # else it was made by a run that was interrupted
                if (yield):
                    raise LeftError(f"left when asked to, after step {step - 1} of {steps}")
                if checkpoint is not None:
                    put_file(checkpoint, str(step).encode())
            reached = value if step == steps else value * (1.0 - 0.5**step)
            if report(params.number, step, reached, {}) and step < steps:
                return TrialState.PRUNED
        return TrialState.COMPLETE


def _steps_done(checkpoint: Location | None) -> int:
    """The number of steps that an earlier run of the trial made, from its checkpoint."""
    if checkpoint is None:
        return 0
    try:
        with local_copy(checkpoint) as path:
            return int(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return 0


def _meets(params: TrialParams, conditions: Sequence[Values]) -> bool:
    """Whether a trial meets at least one of the conditions."""
    facts = {"number": params.number, "seed": params.seed, "replicate": params.replicate}
    known = {**facts, **params.values}
    return any(
        all(name in known and known[name] == wanted for name, wanted in condition.items())
        for condition in conditions
    )


def _generator(params: TrialParams, what: str = "") -> np.random.Generator:
    """A random generator seeded by the trial's seed, its parameters and the purpose."""
    text = what + json.dumps(dict(params.values), sort_keys=True)
    digest = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return np.random.default_rng([abs(params.seed), digest])
