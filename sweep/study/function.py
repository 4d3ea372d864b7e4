"""An objective that is one function: ``f(params, report)`` returns the value of a trial.

A spec names the function, and one setting says that it is one and what its value is called, so
that a worker needs no more than of any objective: its name, the settings and the inputs.
"""

from __future__ import annotations

import hashlib
import inspect
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Self

from sweep.errors import SpecError, SweepError, fault
from sweep.files.location import parse_location
from sweep.study.measures import Measures, Metric
from sweep.study.native import native_tree
from sweep.study.objective import ObjectiveInfo
from sweep.study.space import Space
from sweep.study.trial import (
    OUT_OF_MEMORY,
    Failure,
    Leave,
    Pack,
    Refill,
    Report,
    TrialParams,
    TrialResult,
    TrialState,
    no_refill,
    stay,
)

FUNCTION = "FunctionObjective"
"""The setting of a study whose objective is a function; it holds what the function measures."""

NOTEBOOK = "__main__"
"""The module of functions of a script or notebook, which workers cannot import."""

VALUE = "value"
"""The default name of the metric, and the key of the value in what a function returns."""

Function = Callable[["FunctionTrial", Callable[..., None]], Any]
"""Called with a trial and ``report``; returns a number, or a dict with a value and metrics."""


class FunctionObjective(str):
    """A function as the objective of a study; as a string, the name that the study stores.

    Args:
        function: called as ``function(params, report)`` once per trial. ``params`` is a
            ``FunctionTrial``. ``report(step, value, **metrics)`` stores an intermediate value, and
            ends the trial by an exception if the pruner or the end of the run asks for it; raising
            ``optuna.TrialPruned`` prunes it, too. It returns a number, or a dict with ``value`` and
            further metrics.
        metric: what the value is called; a ``Metric`` to give title and unit, too.

    Raises:
        SpecError: with every broken rule.
    """

    __slots__ = ("function", "measures")
    function: Function
    measures: Measures

    def __new__(cls, function: Function, metric: str | Metric = VALUE) -> Self:
        """Name the function; whether workers can import it is checked by ``unimportable``."""
        if isinstance(metric, str):
            metric = Metric(metric, metric.replace("_", " "))
        faults = [*_call_faults(function), *_metric_faults(metric)]
        if faults:
            raise SpecError(faults)
        called = getattr(function, "__name__", type(function).__name__).strip("<>")
        made = super().__new__(cls, f"{getattr(function, '__module__', NOTEBOOK)}:{called}")
        made.function = function
        made.measures = Measures.of((metric,), (), ())
        return made

    def settings(self) -> dict[str, Any]:
        """The setting that a study stores for it."""
        fields = asdict(self.measures.value).items()
        tree = {name: value for name, value in fields if value not in (None, "")}
        if "interval" in tree:
            tree["interval"] = list(tree["interval"])  # as JSON returns it
        return {FUNCTION: {"metrics": [tree]}}

    def unimportable(self) -> Iterator[str]:
        """A message if worker processes cannot import the function by its name."""
        module, _, called = self.partition(":")
        path = getattr(self.function, "__qualname__", "")
        if module == NOTEBOOK or path != called:
            rule = "be a function at the top level of a module, for worker processes to import"
            way_out = (
                "Write it with def in a study file for lorasweep run, or call sweep.optimize, "
                "which runs it in this process"
            )
            got = f"{module}:{path or called}"
            yield fault("objective", rule, got, way_out=way_out)


class FunctionTrial(Mapping[str, Any]):
    """A trial as a function gets it: a mapping of its parameters and the study's settings.

    Attributes:
        number: the trial's number in the study; negative for a baseline.
        seed: the seed of the trial, for every generator of random numbers that it uses.
        replicate: index of the seed among the study's seeds, from 0.
        final_test: whether to score the test split, too.
    """

    def __init__(self, params: TrialParams, settings: Mapping[str, Any]) -> None:
        self._values: Mapping[str, Any] = {**settings, **params.values}
        self._folder = params.folder
        self.number, self.seed = params.number, params.seed
        self.replicate, self.final_test = params.replicate, params.final_test

    def __getitem__(self, name: str) -> Any:
        """A parameter, or a setting of the study."""
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        """The names of settings and parameters."""
        return iter(self._values)

    def __len__(self) -> int:
        """The number of settings and parameters."""
        return len(self._values)

    def __repr__(self) -> str:
        """Number, seed and values."""
        return f"FunctionTrial({self.number}, seed={self.seed}, {dict(self._values)})"

    @property
    def folder(self) -> Path:
        """A folder for checkpoints, the same when the trial is run again; deleted after it.

        Raises:
            SweepError: if the study keeps its files in an object store.
        """
        place = parse_location(self._folder)
        if not isinstance(place, Path):
            rule, way_out = "be on this machine", "Run the study with --files and a folder"
            raise SweepError(fault("params.folder", rule, self._folder, way_out=way_out))
        place.mkdir(parents=True, exist_ok=True)
        return place


class _StoppedError(BaseException):
    """Ends a function from within ``report``; no ``Exception``, so that no handler catches it."""


class FunctionRuns:
    """Runs a function once per trial, one trial after another; see ``sweep.study.objective``.

    Args:
        function: the function.
        settings: those of the study: ``FUNCTION``, and what the function reads.
        inputs: must be empty: a function reads its own inputs.

    Raises:
        SpecError: with all faults.
    """

    def __init__(
        self, function: Function, settings: Mapping[str, Any], inputs: Mapping[str, str]
    ) -> None:
        faults = list(_call_faults(function))
        if inputs:
            rule, way_out = "be empty for a function", "Give the path as a setting"
            faults.append(fault("inputs", rule, dict(inputs), way_out=way_out))
        if faults:
            raise SpecError(faults)
        self._function = function
        self._settings = {name: each for name, each in settings.items() if name != FUNCTION}
        self._metric = Measures.from_json(settings[FUNCTION], f"settings.{FUNCTION}").value

    def facts(self) -> ObjectiveInfo:
        """The metric, and a digest of the function's source, of whose change a resume warns."""
        try:
            source = inspect.getsource(self._function)
        except (OSError, TypeError):  # typed at a prompt, or no plain function
            versions = {}
        else:
            digest = hashlib.sha256(source.encode()).hexdigest()[:16]
            versions = {f"source of {_called(self._function)}": digest}
        about = {"value": self._metric.title}
        return ObjectiveInfo(versions=versions, about=about, metrics=(self._metric,))

    def check(self, space: Space, baselines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The names of function, metric and parameters; the function checks their values."""
        del baselines
        called = _called(self._function)
        return {"function": called, "value": self._metric.title, "parameters": list(space)}

    def run(
        self, pack: Pack, report: Report, leave: Leave = stay, refill: Refill = no_refill
    ) -> list[TrialResult]:
        """Call the function for each trial; see ``sweep.study.objective``."""
        kept = []
        for params in pack:
            following: TrialParams | None = params
            while following is not None:
                result = self._run(following, report, leave)
                if refill is no_refill:
                    kept.append(result)
                    break
                following = refill(result)
        return kept

    def _run(self, params: TrialParams, report: Report, leave: Leave) -> TrialResult:
        if leave():
            return TrialResult.interrupted(params.number, "left when asked to, before it began")
        started = time.perf_counter()
        told: list[TrialResult] = []

        def tell(step: int, value: float, **metrics: float) -> None:
            if report(params.number, step, value, metrics):
                told.append(TrialResult(params.number, TrialState.PRUNED))
            elif leave():
                said = f"left when asked to, after step {step}"
                told.append(TrialResult.interrupted(params.number, said))
            if told:
                raise _StoppedError

        try:
            given = self._function(FunctionTrial(params, self._settings), tell)
            result = self._result(params, given)
        except _StoppedError:
            result = told[0]
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the trial's result
            result = _failed(params.number, error)
        # What a function makes of its end, such as by `except BaseException`, does not count.
        result = told[0] if told else result
        return replace(result, seconds=time.perf_counter() - started)

    def _result(self, params: TrialParams, given: object) -> TrialResult:
        """A trial's result, from what the function returned.

        Raises:
            SpecError: if that is no number and no mapping with one, or a final test has no metric.
        """
        name, plain = self._metric.name, native_tree(given)
        metrics = plain if isinstance(plain, dict) else {VALUE: plain}
        value = metrics.pop(VALUE, metrics.get(name))
        again = metrics.get(name, value)
        if type(value) not in (int, float):
            rule = f"return a number, or a dict with {VALUE!r} and metrics"
            raise SpecError(fault(_called(self._function), rule, given))
        if again != value and value == value:  # noqa: PLR0124 - NaN is refused with all results
            rule = f"return one number as {VALUE!r} and {name!r}"
            raise SpecError(fault(_called(self._function), rule, given))
        if params.final_test and not any(str(key).startswith("test_") for key in metrics):
            rule = "return metrics called test_NAME where params.final_test is true"
            raise SpecError(fault(_called(self._function), rule, given))
        own = {} if name == VALUE else {name: value}
        return TrialResult(params.number, TrialState.COMPLETE, value, {**own, **metrics})


def _called(function: object) -> str:
    """A function's name, for messages."""
    return str(getattr(function, "__name__", type(function).__name__))


def _failed(number: int, error: Exception) -> TrialResult:
    """The result of a trial whose function raised an exception."""
    kinds = {f"{kind.__module__}.{kind.__name__}" for kind in type(error).__mro__}
    if "optuna.exceptions.TrialPruned" in kinds:
        return TrialResult(number, TrialState.PRUNED)
    lacked = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    failure = Failure.from_exception(error, OUT_OF_MEMORY if lacked else "exception")
    return TrialResult.failed(number, failure)


def _call_faults(function: object) -> Iterator[str]:
    """A message if an object cannot be called with ``params`` and ``report``."""
    rule, where = "be a function f(params, report)", ""
    try:
        if callable(function) and not isinstance(function, type):
            inspect.signature(function).bind(None, None)
            return
    except TypeError as error:
        where = str(error)
    except ValueError:  # C code without a signature
        return
    yield fault("objective", rule, function, where=where)


def _metric_faults(metric: object) -> Iterator[str]:
    if not isinstance(metric, Metric) or not isinstance(metric.name, str) or not metric.name:
        yield fault("metric", "be a name, or a Metric with one", metric)
