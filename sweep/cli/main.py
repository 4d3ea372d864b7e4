"""Entry point: parse, run the verb, turn errors into one message and an exit code."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from sweep.cli.parser import parse
from sweep.errors import SpecError, SweepError, UsageError

DONE, FAILED, BAD_USAGE = 0, 1, 2


class Interruption(BaseException):
    """A signal asked the command to end; not an Exception, so nothing swallows it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the command line without the program's name; None for ``sys.argv``.

    Returns:
        0 done, 1 failed, 2 bad usage or bad spec, 128 + n for signal n.
    """
    options = parse(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="lorasweep: %(message)s")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    from sweep.cli import verbs  # noqa: PLC0415 - Optuna takes longer to import than --help may

    try:
        return int(getattr(verbs, options.verb)(options))
    except SweepError as error:
        _say(str(error), as_json=options.json)
        return BAD_USAGE if isinstance(error, (SpecError, UsageError)) else FAILED
    except Interruption as stop:
        _say(f"stopped by {signal.Signals(stop.number).name}", as_json=options.json)
        return 128 + stop.number
    except BrokenPipeError:  # the reader of our stdout left (| head); not a failure of ours
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


def _interrupt(number: int, frame: FrameType | None) -> None:
    del frame
    signal.signal(number, signal.SIG_DFL)  # a second one ends the process at once
    raise Interruption(number)


def _say(message: str, *, as_json: bool) -> None:
    for line in message.splitlines():
        print(f"lorasweep: {line}", file=sys.stderr)
    if as_json:
        print(json.dumps({"error": message}))
