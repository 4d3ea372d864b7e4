"""Entry point: parse, run the verb, turn errors into one message and an exit code."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import signal
import sys
from collections.abc import Sequence

from sweep.cli.arguments import expand_paths
from sweep.cli.parser import parse
from sweep.cli.streams import (
    ReaderLeft,
    give_up,
    lacking,
    log_to_stderr,
    prepare,
    require_surroundings,
    say,
    to_stdout,
)
from sweep.errors import SpecError, SweepError, UsageError
from sweep.interrupts import Interruption
from sweep.printed import printable

DONE, FAILED, BAD_USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the command line without the program's name; None for ``sys.argv``.

    Returns:
        0 done, 1 failed, 2 bad usage or bad spec, 128 + n for signal n.
    """
    prepare()
    try:
        try:
            return _run(sys.argv[1:] if arguments is None else arguments)
        finally:
            with to_stdout():
                pass  # what is still to be written
    except ReaderLeft:  # has all that it wanted (| head)
        return DONE
    except BrokenPipeError:  # nobody hears of a sweep any more
        give_up()
        return 128 + signal.SIGPIPE
    except SweepError as error:  # stdout is full
        say(str(error))
        return FAILED


def _run(arguments: Sequence[str]) -> int:
    options = _parsed(arguments)
    options.command = ["lorasweep", *arguments]
    log_to_stderr()
    try:
        require_surroundings()
        from sweep.cli import adapters, data, judging, measure, predicting, seeing, verbs

        expand_paths(options)
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
    except BrokenPipeError:
        raise
    except (OSError, MemoryError) as error:
        lacks = lacking(error)
        if not lacks:
            raise
        _say(lacks, as_json=options.json)
        return FAILED


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """The options; what argparse says of wrong ones is also the one document of ``--json``."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return parse(arguments)
    except SystemExit as end:
        print(printable(said.getvalue(), keep="\n"), end="", file=sys.stderr)
        if end.code == BAD_USAGE and "--json" in arguments:
            print(json.dumps({"error": said.getvalue().rpartition(": error: ")[2].strip()}))
        raise


def _say(message: str, *, as_json: bool) -> None:
    say(message)
    if as_json and sys.stdout is not None:
        with to_stdout():
            print(json.dumps({"error": message}))
