"""The verb ``dashboard``: optuna-dashboard on a study's database."""

from __future__ import annotations

from dataclasses import dataclass

from sweep.cli.options import Serving, StoredStudy, opened, option


@dataclass(kw_only=True)
class DashboardOptions(StoredStudy, Serving):
    """The options of ``dashboard``."""

    port: int = option("0 for any that is free", "PORT", default=8080)


def dashboard(options: DashboardOptions) -> int:
    """Run optuna-dashboard on the study's database."""
    from sweep.cli.streams import announce, say
    from sweep.report.dashboard import dashboard_server, leave_note, note_text, require_dashboard
    from sweep.report.serve import HOST
    from sweep.results.analysis import AnalysisOptions, analyse_study
    from sweep.results.table import to_table

    require_dashboard()
    with opened(options) as (study, address):
        table = to_table(study)
        if len(table) and table.space:
            found = analyse_study(study, address, table, AnalysisOptions(quick=True))
            if not leave_note(study, note_text(found)):
                say("the study is being driven; its note is left for later")
        server = dashboard_server(study, options.port)
        with server:
            announce(f"http://{HOST}:{server.server_port}/", options)
            server.serve_forever()
    return 0
