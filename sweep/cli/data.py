"""The verb ``data``: fetch, describe or convert data before a study uses it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sweep.cli.options import VerbOptions, argument, flag, option
from sweep.cli.parsing import verbs


@dataclass(kw_only=True)
class FetchOptions(VerbOptions):
    """The options of ``data fetch``."""

    dataset: str = argument("yu2013: binding residues of ten ligands", "NAME")
    out: str | None = option("where to (data/NAME)", "DIR")
    mirror: str | None = option("where else the same files are", "URL")


@dataclass(kw_only=True)
class SourceOptions(VerbOptions):
    """A source of data."""

    source: str = argument("what --data takes: a folder, file or name", "SRC")
    skip_bad: bool = flag("leave out, count and list bad records instead of stopping at them")
    allow_pickle: bool = flag("read pickled tables, which can run any code: only files you trust")

    def flags(self) -> dict[str, bool]:
        """The settings that are given as flags."""
        return {"skip_bad": self.skip_bad, "allow_pickle": self.allow_pickle}


@dataclass(kw_only=True)
class DescribeOptions(SourceOptions):
    """The options of ``data describe``."""

    settings: list[str] = option(
        "a study's setting of the data (split_by=family); may be repeated",
        "NAME=VALUE",
        written="--set",
        default=list,
    )
    leakage: Literal["auto", "mmseqs", "kmers", "none"] = option(
        "how leakage is measured: mmseqs, kmers (quick), none, or auto: mmseqs if it runs",
        "METHOD",
        default="auto",
    )


@dataclass(kw_only=True)
class ConvertOptions(SourceOptions):
    """The options of ``data convert``."""

    out: str = option(
        "a .parquet, .csv, .tsv or .jsonl file; a new folder where there are several splits",
        "FILE",
        default=...,
    )
    format: Literal["parquet", "csv", "tsv", "jsonl"] | None = option(
        "parquet, csv, tsv or jsonl, of the files in a folder (parquet)", "FORM", any_case=True
    )


def fetch(options: FetchOptions) -> int:
    """Fetch a known data set, verified; files that are there already are kept."""
    from objectives.data.tools import fetch as tool
    from sweep.cli.progress_bars import byte_bar
    from sweep.cli.streams import show
    from sweep.cli.terminal_data import print_fetched

    wanted = tool.collection(options.dataset)
    folder = Path(options.out or f"data/{wanted.name}").expanduser()
    with byte_bar(wanted.size) as tell:
        report = tool.fetch(wanted, folder, mirror=options.mirror, tell=tell)
    show(report, print_fetched, as_json=options.json)
    return 0


def describe(options: DescribeOptions) -> int:
    """Show lengths, positives, ligands, families, leakage between splits."""
    from objectives.data.tools import describe as tool
    from sweep.cli.streams import show
    from sweep.cli.study_file import read_settings
    from sweep.cli.terminal_data import print_described
    from sweep.terminal.console import make_console

    settings = read_settings(options.settings) | options.flags()
    with make_console(sys.stderr).status("reading and comparing"):  # shown on a terminal only
        report = tool.describe(
            options.source, settings, leakage=options.leakage, kind_of=_kind_of(settings)
        )
    show(report, print_described, as_json=options.json)
    return 0


def _kind_of(settings: Mapping[str, Any]) -> Any:
    """A function that gives the kind of label; None for binding sites, which need no torch."""
    if settings.get("task", "residue_binary") == "residue_binary":
        return None
    from objectives.tasks.find import find_task

    task = find_task(settings["task"])
    return lambda options: task.labels(options.label_column)


def convert(options: ConvertOptions) -> int:
    """Write any source as one clean table, read back equal."""
    from objectives.data.tools import convert as tool
    from sweep.cli.streams import show
    from sweep.cli.terminal_data import print_converted

    out = Path(options.out).expanduser()
    report = tool.convert(options.source, out, options.format, **options.flags())
    show(report, print_converted, as_json=options.json)
    return 0


data = verbs(
    fetch, describe, convert, name="data", help="Fetch, describe or convert labelled chains."
)
