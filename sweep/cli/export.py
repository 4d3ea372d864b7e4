"""The verb ``export``: write every trial of a study to a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sweep.cli.options import StoredStudy, option


@dataclass(kw_only=True)
class ExportOptions(StoredStudy):
    """The options of ``export``."""

    out: str = option(
        "a .parquet, .csv or .json file; .csv has the trials alone, and a quote "
        "before texts that a spreadsheet would take for formulas",
        "FILE",
        default=...,
    )


def export(options: ExportOptions) -> int:
    """Write every trial into a file, and compare."""
    from sweep.cli.streams import show
    from sweep.storage.studies import quiet_optuna
    from sweep.storage.url import StorageUrl
    from sweep.terminal.changes import print_export
    from sweep.transfer.export import export_study

    with quiet_optuna():
        address = StorageUrl.parse(options.storage)
        report = export_study(address, options.name, Path(options.out))
    show(report, print_export, as_json=options.json)
    return 0
