"""The verb ``watch``: a report in a browser, updated as its study runs."""

from __future__ import annotations

from dataclasses import dataclass

from sweep.cli.options import Serving, StoredStudy, Thoroughness, opened


@dataclass(kw_only=True)
class WatchOptions(StoredStudy, Thoroughness, Serving):
    """The options of ``watch``."""


def watch(options: WatchOptions) -> int:
    """Show the report in a browser, following a sweep that runs."""
    from objectives import described
    from sweep.cli.streams import announce
    from sweep.report.serve import ReportRefresher, Server, gatherer, state_of

    with opened(options) as (study, address):
        gather = gatherer(study, address, quick=options.quick, own=described)
        editor = ReportRefresher(gather, lambda: state_of(study, address))
        server = Server(editor, options.port)
        announce(server.url, options)
        server.serve()
    return 0
