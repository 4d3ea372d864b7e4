"""Entry point: parse, run the verb, turn errors into one message and an exit code."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import os
import signal
import sys
from collections.abc import Sequence

from sweep.cli.parser import parse
from sweep.errors import SpecError, SweepError, UsageError
from sweep.interrupts import Interruption

DONE, FAILED, BAD_USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the command line without the program's name; None for ``sys.argv``.

    Returns:
        0 done, 1 failed, 2 bad usage or bad spec, 128 + n for signal n.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parsed(arguments)
    options.command = ["lorasweep", *arguments]
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="lorasweep: %(message)s")
    from sweep.cli import adapters, data, judging, measure, predicting, seeing, verbs

    try:
        modules = (adapters, data, judging, measure, predicting, seeing)
        module = next((m for m in modules if options.verb in m.VERBS), verbs)
        return int(getattr(module, options.verb)(options))
    except SweepError as error:
        _say(str(error), as_json=options.json)
        return BAD_USAGE if isinstance(error, (SpecError, UsageError)) else FAILED
    except (Interruption, KeyboardInterrupt) as stop:
        number = stop.number if isinstance(stop, Interruption) else signal.SIGINT
        _say(f"stopped by {signal.Signals(number).name}", as_json=options.json)
        return 128 + number
    except BrokenPipeError:  # the reader of our stdout left (| head); not a failure of ours
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """The options; what argparse says of wrong ones is also the one document of ``--json``."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return parse(arguments)
    except SystemExit as end:
        print(said.getvalue(), end="", file=sys.stderr)
        if end.code == BAD_USAGE and "--json" in arguments:
            print(json.dumps({"error": said.getvalue().rpartition(": error: ")[2].strip()}))
        raise


def _say(message: str, *, as_json: bool) -> None:
    for line in message.splitlines():
        print(f"lorasweep: {line}", file=sys.stderr)
    if as_json:
        print(json.dumps({"error": message}))
