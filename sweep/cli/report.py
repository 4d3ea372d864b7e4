"""The verb ``report``: write a study's report into a folder, or serve it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.cli.options import flag, opened, option
from sweep.cli.watch import WatchOptions, watch
from sweep.errors import UsageError, fault

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(kw_only=True)
class ReportOptions(WatchOptions):
    """The options of ``report``."""

    out: str | None = option("where (NAME-report, beside the database)", "DIR")
    images: str = option(
        "also each figure as an image: png, svg, or png,svg (needs a browser)", "KINDS", default=""
    )
    watch: bool = flag("write nothing; serve it, and follow the sweep")


def report(options: ReportOptions) -> int:
    """Write the verdict and all figures into a folder."""
    if options.watch:
        return watch(options)
    import webbrowser

    from objectives import described
    from sweep.cli.streams import show
    from sweep.report.tree.build import report_tree
    from sweep.report.write import FORMATS, default_folder, write_report
    from sweep.results.analysis import AnalysisOptions

    formats = [name for name in options.images.split(",") if name]
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise UsageError(fault("--images", f"be made of {' and '.join(FORMATS)}", unknown[0]))
    with opened(options) as (study, address):
        tree = report_tree(study, address, AnalysisOptions(quick=options.quick), described)
    folder = Path(options.out) if options.out else default_folder(address, study.study_name)
    written = write_report(tree, folder, formats)
    show(written, _print_written, as_json=options.json)
    if options.open:
        webbrowser.open(Path(written["page"]).resolve().as_uri())
    return 0


def _print_written(written: Mapping[str, Any], console: Console) -> None:
    from sweep.terminal.formatting import line

    for verdict in written["verdicts"]:
        line(console, f"verdict    {verdict['headline']}", "bold")
    line(console, f"report     {written['page']}")
    line(console, f"numbers    {written['numbers']}")
    line(console, f"figures    {len(written['figures'])} in {written['folder']}/figures")
    if written["images"]:
        line(console, f"no images  {written['images']}", "yellow")
