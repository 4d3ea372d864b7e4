"""The verb ``status``: what a study has, and why trials failed."""

from __future__ import annotations

from dataclasses import dataclass

from sweep.cli.options import StoredStudy, flag, opened


@dataclass(kw_only=True)
class StatusOptions(StoredStudy):
    """The options of ``status``."""

    failed: bool = flag("the failures in full, with their tracebacks")


def status(options: StatusOptions) -> int:
    """Show what a study has, and why trials failed."""
    from sweep.cli.streams import show
    from sweep.results.status import snapshot
    from sweep.terminal.status import print_failures, print_status

    with opened(options) as (study, address):
        report = snapshot(study, address)
    show(report, print_failures if options.failed else print_status, as_json=options.json)
    return 0
