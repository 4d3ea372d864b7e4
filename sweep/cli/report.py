"""The verbs ``report``, ``watch`` and ``dashboard``, which show a study."""

from __future__ import annotations

import argparse
import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from sweep.cli.output import show
from sweep.cli.streams import say
from sweep.errors import UsageError, fault
from sweep.storage.studies import open_known, quiet_optuna
from sweep.storage.url import StorageUrl

VERBS = ("report", "watch", "dashboard")


def report(options: argparse.Namespace) -> int:
    """Write a study's report, or serve it."""
    if options.watch:
        return watch(options)
    from sweep.cli.own_objectives import described
    from sweep.report.images import FORMATS
    from sweep.report.tree.build import report_tree
    from sweep.report.write import default_folder, write_report
    from sweep.results.analysis import AnalysisOptions

    formats = [name for name in options.images.split(",") if name]
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise UsageError(fault("--images", f"be made of {' and '.join(FORMATS)}", unknown[0]))
    with quiet_optuna():
        address = StorageUrl.parse(options.storage)
        study = open_known(address, options.name)
        tree = report_tree(study, address, AnalysisOptions(quick=options.quick), described())
    folder = Path(options.out) if options.out else default_folder(address, study.study_name)
    written = write_report(tree, folder, formats)
    show(written, print_written, as_json=options.json)
    if options.open:
        webbrowser.open(Path(written["page"]).resolve().as_uri())
    return 0


def print_written(written: Mapping[str, Any], console: Console) -> None:
    """Print the paths of a written report."""
    from sweep.terminal.formatting import line

    for verdict in written["verdicts"]:
        line(console, f"verdict    {verdict['headline']}", "bold")
    line(console, f"report     {written['page']}")
    line(console, f"numbers    {written['numbers']}")
    line(console, f"figures    {len(written['figures'])} in {written['folder']}/figures")
    if written["images"]:
        line(console, f"no images  {written['images']}", "yellow")


def watch(options: argparse.Namespace) -> int:
    """Serve a report that is updated as its study runs, until interrupted."""
    from sweep.cli.own_objectives import described
    from sweep.report.serve import ReportRefresher, Server, gatherer, state_of

    with quiet_optuna():
        address = StorageUrl.parse(options.storage)
        study = open_known(address, options.name)
        gather = gatherer(study, address, quick=options.quick, own=described())
        editor = ReportRefresher(gather, lambda: state_of(study, address))
        server = Server(editor, options.port)
        _announce(server.url, options)
        server.serve()
    return 0


def dashboard(options: argparse.Namespace) -> int:
    """Run optuna-dashboard on a study's database, until interrupted."""
    from sweep.report.dashboard import dashboard_server, leave_note, note_text, require_dashboard
    from sweep.report.serve import HOST
    from sweep.results.analysis import AnalysisOptions, analyse_study
    from sweep.results.table import to_table

    require_dashboard()
    with quiet_optuna():
        address = StorageUrl.parse(options.storage)
        study = open_known(address, options.name)
        table = to_table(study)
        if len(table) and table.space:
            found = analyse_study(study, address, table, AnalysisOptions(quick=True))
            if not leave_note(study, note_text(found)):
                said = "the study is being driven; its note is left for later"
                say(said)
        server = dashboard_server(study, options.port)
        with server:
            _announce(f"http://{HOST}:{server.server_port}/", options)
            server.serve_forever()
    return 0


def _announce(url: str, options: argparse.Namespace) -> None:
    """Print the server's URL, as text or JSON, and open it if asked."""
    show({"url": url}, lambda tree, console: console.print(tree["url"]), as_json=options.json)
    say("Ctrl-C ends it")
    if options.open:
        webbrowser.open(url)
