"""The command line, as data: verbs, options, help. Imports nothing heavy."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import metadata

EPILOG = """\
exit codes: 0 done, 1 the sweep or a command failed, 2 bad usage or bad spec,
128 + n ended by signal n (130 Ctrl-C, 143 kill or a pre-emption)
--json prints one JSON document on stdout; everything else goes to stderr

examples:
  lorasweep run studies.demo
  lorasweep check studies.binding_sites --data DIR --base facebook/esm2_t6_8M_UR50D
  lorasweep run studies.binding_sites --data DIR --trials 60 --storage sqlite:///binding.db
  lorasweep importance --storage sqlite:///binding.db
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
    _study_arguments(check)
    _name_argument(check)
    _json_argument(check)

    run = verbs.add_parser("run", help="run a study, or go on with it until its budget is met")
    _study_arguments(run)
    _run_arguments(run)
    _storage_arguments(run, required=False)
    _name_argument(run)
    _json_argument(run)

    resume = verbs.add_parser("resume", help="go on with a study from its database alone")
    _storage_arguments(resume, required=True)
    _name_argument(resume)
    _input_arguments(resume)
    _run_arguments(resume)
    _json_argument(resume)

    status = verbs.add_parser("status", help="what a study has, and why trials failed")
    _storage_arguments(status, required=True)
    _name_argument(status)
    status.add_argument(
        "--failed", action="store_true", help="the failures in full, with their tracebacks"
    )
    _json_argument(status)

    importance = verbs.add_parser("importance", help="which parameters mattered, with intervals")
    _storage_arguments(importance, required=True)
    _name_argument(importance)
    importance.add_argument(
        "--seed", type=int, default=0, help="seed of the forests and the bootstrap (0)"
    )
    _json_argument(importance)

    _extend_verb(verbs)
    _transfer_verbs(verbs)
    return parser


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read a command line; argparse exits with 2 when it is wrong."""
    return build_parser().parse_args(arguments)


def _extend_verb(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    extend = verbs.add_parser("extend", help="add choices, or widen ranges; trials are kept")
    _storage_arguments(extend, required=True)
    _name_argument(extend)
    for option, metavar, what in (
        ("--add-target", "LABEL=SET", "a target set (wide=query+key+value; PARAM:LABEL=SET)"),
        ("--add-choice", "PARAM=VALUE", "a value; JSON, or a bare word (rank=16)"),
        ("--widen", "PARAM=LOW:HIGH", "a range that holds the present one"),
    ):
        extend.add_argument(
            option, metavar=metavar, action="append", default=[], help=f"{what}; may be repeated"
        )
    _input_arguments(extend)
    extend.add_argument(
        "--take-over",
        action="store_true",
        help="extend the study although another process seems to drive it",
    )
    _json_argument(extend)


def _transfer_verbs(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    export = verbs.add_parser("export", help="write every trial into a file, and compare")
    _storage_arguments(export, required=True)
    _name_argument(export)
    export.add_argument(
        "--out",
        metavar="FILE",
        required=True,
        help="a .parquet, .csv or .json file; .csv has the trials alone",
    )
    _json_argument(export)

    copy = verbs.add_parser("copy", help="copy a study into another database, and compare")
    copy.add_argument("source", metavar="FROM", help="the database that holds it; only read")
    copy.add_argument("target", metavar="TO", help="the database that it goes to")
    _name_argument(copy)
    _json_argument(copy)


def _study_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "study", help="a module or file that holds STUDY: studies.demo, or studies/demo.py"
    )
    _input_arguments(parser)
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        dest="settings",
        help="fix one setting of the objective (epochs=2); may be repeated",
    )
    parser.add_argument(
        "--skip-bad",
        action="store_true",
        help="drop, count and list unreadable records instead of stopping at them",
    )
    parser.add_argument(
        "--allow-pickle",
        action="store_true",
        help="load pickled weights and data, which can run any code: only files you trust",
    )
    parser.add_argument(
        "--trust-remote-code",
        action="store_true",
        help="run the code that a base model brings along",
    )


def _name_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", help="the study's name in its database")


def _input_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", metavar="DIR", help="labelled chains: a folder, file or data set")
    parser.add_argument("--base", metavar="MODEL", help="the base model: a folder or a Hub name")


def _run_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--trials", type=int, help="run until this many trials are COMPLETE")
    parser.add_argument("--seconds", type=float, help="start no new trial after this long")
    parser.add_argument(
        "--workers", type=int, help="worker processes (as many as suit the machine)"
    )
    parser.add_argument(
        "--on-failure",
        metavar="POLICY",
        help="continue with other trials, stop, or retry(K): run a failed trial K times more",
    )
    parser.add_argument(
        "--max-retries", type=int, help="how often a trial may be interrupted and run again"
    )
    parser.add_argument(
        "--keep",
        metavar="WHICH",
        help="trained adapters to keep: of the best trial, of all, or none",
    )
    parser.add_argument(
        "--files",
        metavar="DIR",
        help="where checkpoints and adapters go (beside the database; runs/files for a server)",
    )
    parser.add_argument(
        "--final-test",
        action="store_true",
        help="afterwards score the test split with the best trial, once",
    )
    parser.add_argument(
        "--take-over",
        action="store_true",
        help="drive the study although another process seems to",
    )


def _storage_arguments(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument(
        "--storage",
        metavar="URL",
        required=required,
        help="the database" + ("" if required else " (sqlite:///runs/NAME/study.db)"),
    )


def _json_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON document")
