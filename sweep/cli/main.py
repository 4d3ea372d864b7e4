"""The command line: the verbs, and what a command's end is told. Imports nothing slow."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Sequence
from typing import Annotated

from typer import Exit, Option

from sweep.cli import parsing, streams
from sweep.cli.adapters import adapters
from sweep.cli.check import check
from sweep.cli.copy import copy
from sweep.cli.dashboard import dashboard
from sweep.cli.data import data
from sweep.cli.design import design
from sweep.cli.export import export
from sweep.cli.extend import extend
from sweep.cli.importance import importance
from sweep.cli.options import VerbOptions, expand_paths
from sweep.cli.pilot import pilot
from sweep.cli.predict import predict
from sweep.cli.report import report
from sweep.cli.resume import resume
from sweep.cli.run import run
from sweep.cli.status import status
from sweep.cli.watch import watch
from sweep.errors import SpecError, SweepError, UsageError
from sweep.signals import Interruption

VERBS = (
    *(check, run, resume, status, importance, report, watch, dashboard, design, pilot),
    *(extend, export, copy, predict),
)
"""The verbs, in the order of the help."""

GROUPS = (adapters, data)
"""Groups of verbs, which follow them."""

EPILOG = """\
\b
exit codes: 0 done, 1 the sweep or a command failed, 2 bad usage or bad spec,
128 + n ended by signal n (130 Ctrl-C, 143 kill or a pre-emption)
--json prints one JSON document on stdout; everything else goes to stderr

\b
examples:
  lorasweep run studies.demo
  lorasweep check studies.binding_sites --data DIR --base facebook/esm2_t6_8M_UR50D
  lorasweep run studies.binding_sites --data DIR --trials 60 --storage sqlite:///binding.db
  lorasweep importance --storage sqlite:///binding.db
  lorasweep report --storage sqlite:///binding.db
"""

APP = parsing.verbs(
    *VERBS, help="Find out which LoRA hyperparameters matter, honestly and fast.", epilog=EPILOG
)
for group in GROUPS:
    APP.add_typer(group)


def _print_version(*, wanted: bool) -> None:
    if wanted:
        from importlib import metadata

        print(f"lorasweep {metadata.version('lorasweep')}")
        raise Exit


@APP.callback()
def _root(
    *,
    version: Annotated[
        bool, Option("--version", is_eager=True, callback=_print_version, help="print the version")
    ] = False,
) -> None:
    del version  # its callback has ended the command


def parse(arguments: Sequence[str]) -> VerbOptions:
    """The options that a command line gives, see ``parsing.parse``."""
    return parsing.parse(APP, arguments)


DONE, FAILED, BAD_USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the command line without the program's name; None for ``sys.argv``.

    Returns:
        0 done, 1 failed, 2 bad usage or bad spec, 128 + n for signal n.
    """
    streams.prepare()
    try:
        try:
            return _run(sys.argv[1:] if arguments is None else arguments)
        finally:
            with streams.to_stdout():
                pass  # flushes the rest
    except streams.ReaderLeft:  # the reader has all it wanted (| head)
        return DONE
    except BrokenPipeError:  # stderr is closed
        streams.give_up()
        return 128 + signal.SIGPIPE
    except SweepError as error:  # stdout is full
        streams.say(str(error))
        return FAILED


def _run(arguments: Sequence[str]) -> int:
    as_json = "--json" in arguments
    try:
        options = parse(arguments)
        as_json = options.json
        streams.log_to_stderr()
        streams.require_surroundings()
        expand_paths(options)
        return options.verb(options)
    except SweepError as error:
        _say(str(error), as_json=as_json)
        return BAD_USAGE if isinstance(error, (SpecError, UsageError)) else FAILED
    except (Interruption, KeyboardInterrupt) as stop:
        number = stop.number if isinstance(stop, Interruption) else signal.SIGINT
        _say(f"stopped by {signal.Signals(number).name}", as_json=as_json)
        return 128 + number
    except BrokenPipeError:
        raise
    except (OSError, MemoryError) as error:
        lacks = streams.lacking(error)
        if not lacks:
            raise
        _say(lacks, as_json=as_json)
        return FAILED


def _say(message: str, *, as_json: bool) -> None:
    streams.say(message)
    if as_json and sys.stdout is not None:
        with streams.to_stdout():
            print(json.dumps({"error": message}))
