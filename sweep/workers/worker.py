"""The worker process: builds the objective once, then answers calls over a pipe.

Trials that fail because an input is missing or changed, such as one on a network drive that is
away for a moment, count as interrupted and run again once it is back.
"""

from __future__ import annotations

import errno
import os
import pickle
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

from platformdirs import user_cache_dir

from sweep.errors import InputChangedError, SweepError, fault
from sweep.signals import ignore_signals
from sweep.study.loading import load_objective
from sweep.study.native import native
from sweep.study.objective import Objective, ObjectiveFactory
from sweep.study.trial import (
    INPUT_AWAY,
    INTERRUPTED,
    Failure,
    Leave,
    Pack,
    TrialParams,
    TrialResult,
)
from sweep.workers import result_checks

_OF_THE_MACHINE = frozenset(
    getattr(errno, name)
    for name in (
        *("EIO", "ESTALE", "ENODEV", "ENXIO", "EROFS", "ENOSPC", "EDQUOT", "EMFILE", "ENFILE"),
        *("ENOTCONN", "ECONNREFUSED", "ECONNRESET", "ECONNABORTED", "EPIPE", "ETIMEDOUT"),
        *("EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN", "ENETUNREACH", "ENETRESET"),
    )
    if hasattr(errno, name)
)
"""Error numbers of a disk, a network or a system limit, which no configuration causes."""

_ERRNO = re.compile(r"\[Errno (\d+)\]")
_READERS = {"HFValidationError", "SafetensorError"}
"""Exceptions, other than an ``OSError``, that libraries raise for a missing folder."""


class Inputs:
    """The inputs that a worker's trials read.

    Args:
        inputs: the study's inputs by name: paths, or names on a hub.
    """

    def __init__(self, inputs: Mapping[str, str]) -> None:
        caches = (user_cache_dir("lorasweep"), os.environ.get("HF_HOME", ""))
        paths = [path for path in inputs.values() if path]
        self._there = [path for path in paths if Path(path).exists()]
        self._named = [*paths, *(cache for cache in caches if cache)]

    def judged(self, failure: Failure) -> Failure:
        """The failure; turned into an interruption if an input was missing or changed."""
        if failure.reason != "exception" or not self._away(failure):
            return failure
        message = f"{failure.kind}: {failure.message}"
        return replace(failure, reason=INTERRUPTED, kind=INPUT_AWAY, message=message)

    def _away(self, failure: Failure) -> bool:
        if failure.kind == InputChangedError.__name__:
            return True
        if not all(Path(path).exists() for path in self._there):
            return True
        if failure.kind not in _READERS and failure.kind not in set(_names(OSError)):
            return False
        found = _ERRNO.search(failure.message)
        if found and int(found[1]) in _OF_THE_MACHINE:
            return True
        return any(_names_it(failure.message, path) for path in self._named)


def _names_it(message: str, path: str) -> bool:
    """Whether a message contains a path, or a path below it."""
    return re.search(rf"(?<![\w.-]){re.escape(path)}(?![\w-]|\.\w)", message) is not None


def _names(kind: type[BaseException]) -> Iterator[str]:
    """The names of an exception class and of all its subclasses."""
    yield kind.__name__
    for each in kind.__subclasses__():
        yield from _names(each)


PIN = "pin"
"""The call that rebuilds the objective with settings that were left open."""


def work(
    pipe: Connection,
    calls_away: Connection,
    objective: str,
    settings: Mapping[str, Any],
    inputs: Mapping[str, str],
) -> None:
    """The main function of a worker process: serve calls until the driver closes the pipe.

    Anything to read from ``calls_away`` asks the running trials to stop.
    """
    _keep_to_ourselves()
    serve(pipe, calls_away.poll, objective, settings, inputs)


class Pipe(Protocol):
    """A two-way channel between a worker and the driver."""

    def send(self, message: Any) -> None:
        """Send a message; raises ``OSError`` if the driver has exited."""

    def recv(self) -> Any:
        """The driver's next message; raises ``EOFError`` or ``OSError`` if it has exited."""


def serve(
    pipe: Pipe,
    leave: Leave,
    objective: str | ObjectiveFactory,
    settings: Mapping[str, Any],
    inputs: Mapping[str, str],
) -> None:
    """Build the objective and answer calls until the driver closes the pipe.

    The objective is imported by its name, or built by a function of this process.

    Messages in:

    - ``("facts",)``, ``("check", space, baselines)``, ``("pin", settings)``
    - ``("run", pack)``

    Messages out:

    - ``("reply", value)``, ``("error", exception)``
    - ``("report", number, step, value, metrics)``, which waits for a bool
    - ``("settled", result)``, which waits for the next trial in that lane, or None
    - ``("results", results)`` of the trials not sent as settled, which ends the pack
    """
    read = Inputs(inputs)
    built = _build(pipe, objective, settings, inputs)
    while built is not None:
        try:
            message = pipe.recv()
            if message[0] == PIN:
                built = _build(pipe, objective, {**settings, **message[1]}, inputs)
                answer: tuple[str, Any] | None = None if built is None else ("reply", None)
            else:
                answer = _answer(built, message, pipe, leave, read)
            if answer is not None:
                pipe.send(answer)
        except (EOFError, OSError):
            return


def _build(
    pipe: Pipe,
    objective: str | ObjectiveFactory,
    settings: Mapping[str, Any],
    inputs: Mapping[str, str],
) -> Objective | None:
    """The objective; None if it cannot be built: the error is sent and the driver raises it."""
    try:
        if not isinstance(objective, str):
            return objective(settings, inputs)
        return load_objective(objective, settings, inputs)
    except Exception as error:  # noqa: BLE001 - imports and runs user code
        pipe.send(("error", _portable(error)))
        return None


def _answer(
    objective: Objective, message: tuple[Any, ...], pipe: Pipe, leave: Leave, read: Inputs
) -> tuple[str, Any]:
    call, *arguments = message
    if call == "run":
        return "results", _PackUnderWay(arguments[0], pipe, leave, read).run(objective)
    try:
        return "reply", result_checks.REPLIES[call](getattr(objective, call)(*arguments))
    except Exception as error:  # noqa: BLE001 - raised again by the driver
        return "error", _portable(error)


class _PackUnderWay:
    """A running pack, and its trials whose results the driver does not have yet."""

    def __init__(self, pack: Pack, pipe: Pipe, leave: Leave, read: Inputs) -> None:
        self._pack = pack
        self._pipe = pipe
        self._leave = leave
        self._read = read
        self._owed = {params.number for params in pack}
        self._condemned: dict[int, str] = {}

    def run(self, objective: Objective) -> list[TrialResult]:
        """Run the pack; one result for each trial not sent to the driver meanwhile."""
        kept: dict[int, TrialResult] = {}
        failure = Failure("exception", "NoResult", "the objective gave no result for the trial")
        try:
            given = objective.run(self._pack, self._report, self._leave, self._refill)
            for result in result_checks.listed(given):
                number = result_checks.number_of(result)
                if number in kept:
                    kept[number] = result_checks.bad(number, _too_many(number))
                elif number in self._owed:
                    kept[number] = self._checked(result)
                    self._owed.remove(number)
                else:
                    failure = Failure("exception", "BadResult", _too_many(number))
        except Exception as error:  # noqa: BLE001 - a pack that raises is failed trials, not a dead worker
            failure = self._read.judged(Failure.from_exception(error))
        lost = [TrialResult.failed(number, failure) for number in sorted(self._owed)]
        return [*kept.values(), *lost]

    def _checked(self, result: TrialResult) -> TrialResult:
        """The checked result; a failed one if a report of the trial broke the contract."""
        sound = result_checks.checked(result, asked_to_leave=self._leave())
        sentence = self._condemned.get(sound.number)
        if sentence is not None:
            return result_checks.bad(sound.number, sentence, "BadReport")
        if sound.failure is None:
            return sound
        return replace(sound, failure=self._read.judged(sound.failure))

    def _report(self, number: int, step: int, value: float, metrics: Mapping[str, float]) -> bool:
        number = native(number)
        if number not in self._owed:
            rule = "report of the trials that it was given and that are not over"
            raise SweepError(fault("the objective", rule, number))
        try:
            point = result_checks.report(step, value, metrics)
        except SweepError as error:
            self._condemned.setdefault(number, str(error))
        if number in self._condemned:
            return True
        return bool(self._ask("report", number, *point))

    def _refill(self, result: TrialResult) -> TrialParams | None:
        number = result_checks.number_of(result)
        if number not in self._owed:  # a second result: the driver has closed the trial
            raise SweepError(_too_many(number))
        sound = self._checked(result)
        following: TrialParams | None = self._ask("settled", sound)
        self._owed.remove(sound.number)
        if following is not None:
            self._owed.add(following.number)
        return following

    def _ask(self, *message: Any) -> Any:
        try:
            self._pipe.send(message)
            return self._pipe.recv()
        except (EOFError, OSError):  # the driver has exited, so no result is needed
            os._exit(1)


def _too_many(number: int) -> str:
    rule = "give one result for each trial that it was given"
    return fault("the objective", rule, f"one more of trial {number}")


def _portable(error: Exception) -> Exception:
    """The exception itself if it can be pickled, else one with the same text."""
    if isinstance(error, OSError):  # no mistake in code, so shown without traceback
        return SweepError(f"the objective cannot read what it needs: {error}")
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes, just pickled
    except Exception:  # noqa: BLE001 - pickling may run any code
        return SweepError(f"{type(error).__name__}: {error}")
    return error


def _keep_to_ourselves() -> None:
    """Redirect stdout to stderr, ignore signals, and exit when the driver dies."""
    os.dup2(2, 1)  # libraries print; the driver's stdout may be one JSON document
    ignore_signals()
    parent = parent_process()
    if parent is not None:  # a driver killed with -9 must not leave workers running
        threading.Thread(target=_die_with, args=(parent,), daemon=True).start()


def _die_with(parent: Any) -> None:
    parent.join()
    os._exit(1)
