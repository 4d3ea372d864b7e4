"""The verb ``data``: fetch, describe or convert data before a study uses it."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from typing import Any

from sweep.cli.options import json_argument

VERBS = ("data",)

TOOLS = "objectives.data.tools"
"""The package that does the work, imported when needed, as in ``sweep.cli.predict``."""


def data_verb(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb and its actions."""
    data = verbs.add_parser("data", help="fetch, describe or convert labelled chains")
    actions = data.add_subparsers(dest="action", metavar="ACTION", required=True)

    fetch = actions.add_parser("fetch", help="a known data set, verified; goes on where it broke")
    fetch.add_argument("dataset", metavar="NAME", help="yu2013: binding residues of ten ligands")
    fetch.add_argument("--out", metavar="DIR", help="where to (data/NAME)")
    fetch.add_argument("--mirror", metavar="URL", help="where else the same files are")
    json_argument(fetch)

    describe = actions.add_parser(
        "describe", help="lengths, positives, ligands, families, leakage between splits"
    )
    _source_arguments(describe)
    describe.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        dest="settings",
        help="a study's setting of the data (split_by=family); may be repeated",
    )
    describe.add_argument(
        "--leakage",
        metavar="METHOD",
        choices=("auto", "mmseqs", "kmers", "none"),
        default="auto",
        help="how leakage is measured: mmseqs, kmers (quick), none, or auto: mmseqs if it runs",
    )

    convert = actions.add_parser("convert", help="any source as one clean table, read back equal")
    _source_arguments(convert)
    convert.add_argument(
        "--out",
        metavar="FILE",
        required=True,
        help="a .parquet, .csv, .tsv or .jsonl file; a new folder where there are several splits",
    )
    convert.add_argument(
        "--format",
        metavar="FORM",
        choices=("parquet", "csv", "tsv", "jsonl"),
        type=str.lower,
        help="parquet, csv, tsv or jsonl, of the files in a folder (parquet)",
    )


def _source_arguments(action: argparse.ArgumentParser) -> None:
    action.add_argument("source", metavar="SRC", help="what --data takes: a folder, file or name")
    for option, what in (
        ("--skip-bad", "leave out, count and list bad records instead of stopping at them"),
        ("--allow-pickle", "read pickled tables, which can run any code: only files you trust"),
    ):
        action.add_argument(option, action="store_true", help=what)
    json_argument(action)


def data(options: argparse.Namespace) -> int:
    """Fetch, describe or convert data."""
    from sweep.cli.output import show
    from sweep.cli.terminal_data import print_converted, print_described, print_fetched

    does = {
        "fetch": (_fetch, print_fetched),
        "describe": (_describe, print_described),
        "convert": (_convert, print_converted),
    }
    work, printer = does[options.action]
    show(work(options), printer, as_json=options.json)
    return 0


def _fetch(options: argparse.Namespace) -> dict[str, Any]:
    from sweep.cli.progress_bars import byte_bar

    tool = importlib.import_module(f"{TOOLS}.fetch")
    wanted = tool.collection(options.dataset)
    folder = Path(options.out or f"data/{wanted.name}").expanduser()
    with byte_bar(wanted.size) as tell:
        report: dict[str, Any] = tool.fetch(wanted, folder, mirror=options.mirror, tell=tell)
    return report


def _describe(options: argparse.Namespace) -> dict[str, Any]:
    from sweep.cli.study_file import read_settings
    from sweep.terminal.console import make_console

    tool = importlib.import_module(f"{TOOLS}.describe")
    settings = read_settings(options.settings) | _flags(options)
    with make_console(sys.stderr).status("reading and comparing"):  # shown on a terminal only
        report: dict[str, Any] = tool.describe(options.source, settings, leakage=options.leakage)
    return report


def _convert(options: argparse.Namespace) -> dict[str, Any]:
    tool = importlib.import_module(f"{TOOLS}.convert")
    out = Path(options.out).expanduser()
    report: dict[str, Any] = tool.convert(options.source, out, options.format, **_flags(options))
    return report


def _flags(options: argparse.Namespace) -> dict[str, Any]:
    return {"skip_bad": options.skip_bad, "allow_pickle": options.allow_pickle}
