"""The verb ``watch``: a report in a browser, updated as its study runs."""

from __future__ import annotations

from dataclasses import dataclass

from sweep.cli.options import Serving, StoredStudy, Thoroughness


@dataclass(kw_only=True)
class WatchOptions(StoredStudy, Thoroughness, Serving):
    """The options of ``watch``."""


def watch(options: WatchOptions) -> int:
    """Show the report in a browser, following a sweep that runs."""
    from sweep.cli.output import announce
    from sweep.cli.own_objectives import described
    from sweep.report.serve import ReportRefresher, Server, gatherer, state_of
    from sweep.storage.studies import open_known, quiet_optuna
    from sweep.storage.url import StorageUrl

    with quiet_optuna():
        address = StorageUrl.parse(options.storage)
        study = open_known(address, options.name)
        gather = gatherer(study, address, quick=options.quick, own=described())
        editor = ReportRefresher(gather, lambda: state_of(study, address))
        server = Server(editor, options.port)
        announce(server.url, options)
        server.serve()
    return 0
