"""The command line: verbs, options, help. Imports nothing slow."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import signal
import sys
from collections.abc import Sequence
from importlib import metadata

from sweep.cli.adapters import adapters_verb
from sweep.cli.data import data_verb
from sweep.cli.options import (
    expand_paths,
    input_arguments,
    json_argument,
    name_argument,
    run_arguments,
    storage_arguments,
    study_arguments,
    trust_arguments,
    worker_arguments,
)
from sweep.cli.predict import predict_verb
from sweep.cli.report_options import seeing_verbs
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
from sweep.signals import Interruption
from sweep.terminal.printable import printable

EPILOG = """\
exit codes: 0 done, 1 the sweep or a command failed, 2 bad usage or bad spec,
128 + n ended by signal n (130 Ctrl-C, 143 kill or a pre-emption)
--json prints one JSON document on stdout; everything else goes to stderr

examples:
  lorasweep run studies.demo
  lorasweep check studies.binding_sites --data DIR --base facebook/esm2_t6_8M_UR50D
  lorasweep run studies.binding_sites --data DIR --trials 60 --storage sqlite:///binding.db
  lorasweep importance --storage sqlite:///binding.db
  lorasweep report --storage sqlite:///binding.db
"""


def build_parser() -> argparse.ArgumentParser:
    """The parser of all verbs."""
    parser = argparse.ArgumentParser(
        prog="lorasweep",
        description="Find out which LoRA hyperparameters matter, honestly and fast.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version", action="version", version=f"lorasweep {metadata.version('lorasweep')}"
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)

    check = verbs.add_parser("check", help="resolve data, base and target sets; train nothing")
    study_arguments(check)
    name_argument(check)
    json_argument(check)

    run = verbs.add_parser("run", help="run a study, or go on with it until its budget is met")
    study_arguments(run)
    run_arguments(run)
    run.add_argument(
        "--detach",
        action="store_true",
        help="with --launcher ray: submit this command as a job of the cluster, and return",
    )
    storage_arguments(run, required=False)
    name_argument(run)
    json_argument(run)

    resume = verbs.add_parser("resume", help="go on with a study from its database alone")
    storage_arguments(resume, required=True)
    name_argument(resume)
    input_arguments(resume)
    trust_arguments(resume)
    run_arguments(resume)
    json_argument(resume)

    status = verbs.add_parser("status", help="what a study has, and why trials failed")
    storage_arguments(status, required=True)
    name_argument(status)
    status.add_argument(
        "--failed", action="store_true", help="the failures in full, with their tracebacks"
    )
    json_argument(status)

    _importance_verb(verbs)
    seeing_verbs(verbs)
    _measure_verbs(verbs)
    _extend_verb(verbs)
    _transfer_verbs(verbs)
    adapters_verb(verbs)
    predict_verb(verbs)
    data_verb(verbs)
    return parser


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse a command line; argparse exits with 2 if it is invalid."""
    return build_parser().parse_args(arguments)


def _measure_verbs(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    design = verbs.add_parser("design", help="what a measurement tells, and costs; run nothing")
    study_arguments(design)
    name_argument(design)
    storage_arguments(design, required=False)
    for option, what in (
        ("--budget", "trials to spend in all, in place of the study's design"),
        ("--configurations", "distinct configurations, in place of the study's"),
        ("--duplicates", "how many of them run with a second seed"),
    ):
        design.add_argument(option, type=int, metavar="N", help=what)
    for option, metavar, what in (
        ("--noise", "SD", "sd of one run over seeds, in place of the pilot's"),
        ("--delta", "SIZE", "the smallest effect worth having, in place of the claims'"),
    ):
        design.add_argument(option, type=float, metavar=metavar, help=what)
    design.add_argument("--points", action="store_true", help="list every run, in order")
    json_argument(design)

    pilot = verbs.add_parser("pilot", help="measure noise, and where all choices train")
    study_arguments(pilot)
    worker_arguments(pilot)
    storage_arguments(pilot, required=False)
    name_argument(pilot)
    json_argument(pilot)
    pilot.set_defaults(final_test=False)


def _importance_verb(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    importance = verbs.add_parser(
        "importance", help="what mattered, and the verdict on what a study claims"
    )
    storage_arguments(importance, required=True)
    name_argument(importance)
    for option, metavar, what in (
        ("--dominant", "NAME", "claim that this parameter matters most (A+B for a group)"),
        ("--over", "NAMES", "than these, with commas between (rank,scaling)"),
        ("--negligible", "NAMES", "and that these change next to nothing"),
        ("--nuisances", "NAMES", "averaged over, and optimised for each choice (learning_rate)"),
    ):
        importance.add_argument(option, metavar=metavar, help=what)
    importance.add_argument(
        "--delta", type=float, help="smallest effect worth having, end to end (0.01)"
    )
    importance.add_argument(
        "--kappa", type=float, help="times the others' variance that it must explain (2)"
    )
    importance.add_argument(
        "--method",
        action="append",
        default=[],
        help="one more method beside fanova and ped_anova: mdi, permutation, shapley; repeat",
    )
    importance.add_argument(
        "--draws", type=int, default=2000, help="draws behind each probability (2000)"
    )
    importance.add_argument(
        "--quick",
        action="store_true",
        help="without cross-checks, which may veto, and without what chance gives",
    )
    importance.add_argument(
        "--seed", type=int, default=0, help="of the draws, the forests and the bootstrap (0)"
    )
    json_argument(importance)


def _extend_verb(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    extend = verbs.add_parser("extend", help="add choices, or widen ranges; trials are kept")
    storage_arguments(extend, required=True)
    name_argument(extend)
    for option, metavar, what in (
        ("--add-target", "LABEL=SET", "a target set (wide=query+key+value; PARAM:LABEL=SET)"),
        ("--add-choice", "PARAM=VALUE", "a value; JSON, or a bare word (rank=16)"),
        ("--widen", "PARAM=LOW:HIGH", "a range that holds the present one"),
    ):
        extend.add_argument(
            option, metavar=metavar, action="append", default=[], help=f"{what}; may be repeated"
        )
    input_arguments(extend)
    trust_arguments(extend)
    extend.add_argument(
        "--take-over",
        action="store_true",
        help="extend the study although another process seems to drive it",
    )
    json_argument(extend)


def _transfer_verbs(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    export = verbs.add_parser("export", help="write every trial into a file, and compare")
    storage_arguments(export, required=True)
    name_argument(export)
    export.add_argument(
        "--out",
        metavar="FILE",
        required=True,
        help="a .parquet, .csv or .json file; .csv has the trials alone, and a quote before "
        "texts that a spreadsheet would take for formulas",
    )
    json_argument(export)

    copy = verbs.add_parser("copy", help="copy a study into another database, and compare")
    copy.add_argument("source", metavar="FROM", help="the database that holds it; only read")
    copy.add_argument("target", metavar="TO", help="the database that it goes to")
    name_argument(copy)
    json_argument(copy)


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
                pass  # flushes the rest
    except ReaderLeft:  # the reader has all it wanted (| head)
        return DONE
    except BrokenPipeError:  # stderr is closed
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
        from sweep.cli import adapters, data, design, importance, predict, report, run

        expand_paths(options)
        modules = (adapters, data, importance, design, predict, report)
        module = next((m for m in modules if options.verb in m.VERBS), run)
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
    """The options; with ``--json``, argparse's error is printed as the one JSON document too."""
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
