"""Checks of what an objective returns and reports, made in the worker.

A result or report that breaks the contract fails its own trial; the others and the sweep continue.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

from sweep.errors import SpecError, SweepError, fault
from sweep.files.strict_json import said, strict, strict_document, word
from sweep.study.measures import Measures
from sweep.study.native import native, native_tree
from sweep.study.objective import ObjectiveInfo
from sweep.study.trial import Failure, TrialResult, TrialState

MOST_STEP = 2**31 - 1
"""The largest step that every supported database can store."""

NOTES = "notes"
"""The key of a trial's details that lists values changed by these checks."""

Reported = tuple[int, float, dict[str, Any]]
"""Step, value and metrics of a report."""


def number_of(result: object) -> int:
    """The number of the trial that a result belongs to.

    Raises:
        SweepError: if it has no valid number.
    """
    rule = "give results that are TrialResults, each with its trial's number"
    if not isinstance(result, TrialResult):
        raise SweepError(fault("the objective", rule, result))
    number = native(result.number)
    if type(number) is not int:
        raise SweepError(fault("the objective", rule, result.number, where="number"))
    return number


def listed(results: object) -> list[Any]:
    """The results that ``run`` returned, as a list.

    Raises:
        SweepError: if it returned something else.
    """
    if isinstance(results, (str, bytes, Mapping)) or not isinstance(results, Iterable):
        raise SweepError(fault("the objective", "return a list of TrialResults", results))
    return list(results)


def facts(given: object) -> ObjectiveInfo:
    """The objective's info in plain types; it is stored with the study and compared on resume.

    Raises:
        SweepError: if it breaks the contract.
    """
    if not isinstance(given, ObjectiveInfo):
        raise SweepError(fault("the objective's facts", "be an ObjectiveInfo", given))
    plain = ObjectiveInfo(
        **{field.name: native_tree(getattr(given, field.name)) for field in fields(ObjectiveInfo)}
    )
    faults: list[str] = []
    measures = Measures()
    try:
        measures = Measures.of(plain.metrics, plain.tables, plain.curves)
    except SpecError as error:
        faults += error.faults
    for name in ("fingerprints", "versions"):
        texts = getattr(plain, name)
        if not isinstance(texts, dict) or {type(t) for kv in texts.items() for t in kv} - {str}:
            faults.append(fault(f"the objective's facts.{name}", "map names to texts", texts))
    for name in ("workers", "pack"):
        count = getattr(plain, name)
        if type(count) is not int or count < 1:
            rule = "be a whole number of 1 or more"
            faults.append(fault(f"the objective's facts.{name}", rule, count))
    for name in ("about", "pinned"):
        tree = getattr(plain, name)
        if not isinstance(tree, dict) or not _is_json(tree):
            faults.append(fault(f"the objective's facts.{name}", "map names to JSON values", tree))
    if faults:
        raise SweepError("\n".join(faults))
    return replace(plain, about=strict(plain.about)[0], **vars(measures))


def findings(given: object) -> dict[str, Any]:
    """What the objective's ``check`` returned, as strict JSON.

    Raises:
        SweepError: if it is not JSON.
    """
    plain = native_tree(given)
    if not isinstance(plain, dict) or not _is_json(plain):
        raise SweepError(fault("what the objective's check returns", "be a JSON tree", given))
    return strict_document(plain)


REPLIES: Mapping[str, Callable[[object], Any]] = {"facts": facts, "check": findings}
"""The check of the reply to each call."""


def bad(number: int, sentence: str, kind: str = "BadResult") -> TrialResult:
    """A failed result for a trial whose objective broke the contract."""
    return TrialResult.failed(number, Failure("exception", kind, sentence))


def checked(result: TrialResult, *, asked_to_leave: bool) -> TrialResult:
    """A result in plain types, as the database stores it; a failed one if it breaks the contract.

    Args:
        result: of a trial whose number is known.
        asked_to_leave: whether running trials were asked to stop. Otherwise a trial may not report
            an interruption, since it would be retried without end.
    """
    number = number_of(result)
    plain = TrialResult(
        number=number,
        state=_state(result.state),
        value=native(result.value),
        metrics=native_tree(result.metrics),
        details=native_tree(result.details),
        seconds=native(result.seconds),
        failure=_failure(result.failure),
    )
    faults = list(_faults(plain, asked_to_leave=asked_to_leave))
    if faults:
        own = "" if not isinstance(plain.failure, Failure) else f" It had failed: {plain.failure}."
        return bad(number, " ".join(faults) + own)
    if plain.state == TrialState.FAIL:
        plain = replace(plain, value=None)
    return _finite(plain)


def report(step: object, value: object, metrics: object) -> Reported:
    """A report in plain types, as the database stores it.

    Raises:
        SweepError: if it breaks the contract.
    """
    at: Any = native(step)
    reached: Any = native(value)
    figures = native_tree(metrics)
    faults = []
    if type(at) is not int or not 0 <= at <= MOST_STEP:
        faults.append(fault("a report's step", f"be a whole number of 0 to {MOST_STEP}", at))
    if type(reached) not in (int, float) or word(reached).startswith("a whole"):
        faults.append(fault("a report's value", "be a number", reached))
    if not isinstance(figures, dict) or not all(isinstance(name, str) for name in figures):
        faults.append(fault("a report's metrics", "map names to numbers", metrics))
        figures = {}
    for name, figure in figures.items():
        if name in ("step", "value"):
            rule = "not be called as what stands beside them"
            faults.append(fault("a report's metrics", rule, name))
        elif type(figure) not in (int, float, bool, type(None)):
            faults.append(fault(f"a report's metrics.{name}", "be a number", figure))
    if faults:
        raise SweepError(" ".join(faults))
    return at, float(reached), strict(figures)[0]


def _state(given: object) -> Any:
    """The state; Optuna's ``TrialState`` is accepted too."""
    try:
        return TrialState(native(given))
    except ValueError:
        return given


def _failure(given: object) -> Any:
    """A failure with plain text fields; anything else unchanged."""
    if not isinstance(given, Failure):
        return given
    texts = {
        name: part if type(part) is str else str(part)
        for name in ("reason", "kind", "message", "traceback")
        for part in [native(getattr(given, name))]
    }
    peak = native(given.peak_memory_bytes)
    return Failure(**texts, peak_memory_bytes=peak if type(peak) is int else None)


def _faults(result: TrialResult, *, asked_to_leave: bool) -> Iterator[str]:
    state, value, failure = result.state, result.value, result.failure
    if not isinstance(state, TrialState):
        yield fault("a result's state", f"be one of {', '.join(TrialState)}", state)
        return
    if value is not None and (type(value) not in (int, float)):
        yield fault("a result's value", "be a number", value)
    elif value is not None and state == TrialState.PRUNED:
        yield fault("a result's value", "be None unless the trial is COMPLETE", value)
    if failure is not None and not isinstance(failure, Failure):
        yield fault("a result's failure", "be a Failure", failure)
    elif (failure is None) == (state == TrialState.FAIL):
        rule = "say why, if and only if the state is FAIL"
        yield fault("a result's failure", rule, failure, where=f"state {state}")
    elif failure is not None and failure.interrupted and not asked_to_leave:
        rule = "not be an interruption that was not asked for"
        yield fault("a result's failure", rule, str(failure))
    elif failure is not None and not failure.reason.strip():
        yield fault("a result's failure", "have a reason", failure.reason)
    yield from _tree_faults(result)


def _tree_faults(result: TrialResult) -> Iterator[str]:
    for name in ("metrics", "details"):
        tree = getattr(result, name)
        if not isinstance(tree, dict):
            yield fault(f"a result's {name}", "map names to JSON values", tree)
            continue
        for key, branch in tree.items():
            if not isinstance(key, str):
                yield fault(f"a name in a result's {name}", "be text", key)
            elif not _is_json(branch):
                yield fault(f"a result's {name}.{key}", "be a JSON value", branch)
    seconds = result.seconds
    if type(seconds) not in (int, float) or word(seconds) or seconds < 0:
        yield fault("a result's seconds", "be a number of 0 or more", seconds)


def _is_json(tree: object) -> bool:
    """Whether a value survives JSON: text keys and plain types only."""
    try:
        json.dumps(tree)
    except (TypeError, ValueError, RecursionError):
        return False
    return _has_text_names(tree)


def _has_text_names(tree: object) -> bool:
    if isinstance(tree, dict):
        texts = all(isinstance(name, str) for name in tree)
        return texts and all(map(_has_text_names, tree.values()))
    return not isinstance(tree, (list, tuple)) or all(map(_has_text_names, tree))


def _finite(result: TrialResult) -> TrialResult:
    """The result with None for values that are not finite, and a note that lists them."""
    (metrics, details), found = strict((result.metrics, result.details))
    if found:
        places = {
            place.replace("[0]", "metrics", 1).replace("[1]", "details", 1): called
            for place, called in found.items()
        }
        earlier = details.get(NOTES)
        note = f"not finite, and kept as null: {said(places)}"
        details = {**details, NOTES: [*(earlier if isinstance(earlier, list) else []), note]}
    return replace(result, metrics=metrics, details=details)
