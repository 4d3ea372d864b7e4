"""The worker process: builds the objective once, then answers calls over a pipe."""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Mapping
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from typing import Any

from sweep.errors import SweepError
from sweep.interrupts import ignore_signals
from sweep.objective import Objective, load_objective
from sweep.trial import Failure, TrialResult


def work(
    pipe: Connection,
    calls_away: Connection,
    objective: str,
    settings: Mapping[str, Any],
    inputs: Mapping[str, str],
) -> None:
    """Serve calls until the driver hangs up.

    Anything to read from ``calls_away`` asks the trials under way to leave.

    Messages in: ``("facts",)``, ``("check", space, baselines)``, ``("run", pack)``.
    Messages out: ``("reply", value)``, ``("error", exception)``,
    ``("report", number, step, value, metrics)`` (which waits for a bool),
    ``("results", results)``.
    """
    _keep_to_ourselves()
    try:
        built = load_objective(objective, settings, inputs)
    except Exception as error:  # noqa: BLE001 - the driver raises it where people see it
        pipe.send(("error", _portable(error)))
        return
    while True:
        try:
            message = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            pipe.send(_answer(built, message, pipe, calls_away))
        except OSError:
            return


def _answer(
    objective: Objective, message: tuple[Any, ...], pipe: Connection, calls_away: Connection
) -> tuple[str, Any]:
    def report(number: int, step: int, value: float, metrics: Mapping[str, float]) -> bool:
        try:
            pipe.send(("report", number, step, value, dict(metrics)))
            return bool(pipe.recv())
        except (EOFError, OSError):  # the driver hung up: nobody is left to compute for
            os._exit(1)

    call, *arguments = message
    if call == "run":
        pack = arguments[0]
        try:
            return "results", objective.run(pack, report, calls_away.poll)
        except Exception as error:  # noqa: BLE001 - a pack that raises is failed trials, not a dead worker
            failure = Failure.from_exception(error)
            return "results", [TrialResult.failed(params.number, failure) for params in pack]
    try:
        return "reply", getattr(objective, call)(*arguments)
    except Exception as error:  # noqa: BLE001 - raised again by the driver
        return "error", _portable(error)


def _portable(error: Exception) -> Exception:
    """The exception itself if it survives the pipe, else one that says the same."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes, a moment old
    except Exception:  # noqa: BLE001 - whatever a foreign exception's pickling does
        return SweepError(f"{type(error).__name__}: {error}")
    return error


def _keep_to_ourselves() -> None:
    """Leave stdout, signals and the end of life to the driver."""
    os.dup2(2, 1)  # libraries print; the driver's stdout may be one JSON document
    ignore_signals()
    parent = parent_process()
    if parent is not None:  # a driver killed with -9 must not leave workers computing
        threading.Thread(target=_die_with, args=(parent,), daemon=True).start()


def _die_with(parent: Any) -> None:
    parent.join()
    os._exit(1)
