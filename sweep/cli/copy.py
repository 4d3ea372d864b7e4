"""The verb ``copy``: copy a study to another database."""

from __future__ import annotations

from dataclasses import dataclass

from sweep.cli.options import NamedStudy, argument


@dataclass(kw_only=True)
class CopyOptions(NamedStudy):
    """The options of ``copy``."""

    source: str = argument("the database that holds it; only read", "FROM")
    target: str = argument("the database that it goes to", "TO")


def copy(options: CopyOptions) -> int:
    """Copy a study into another database, and compare."""
    from sweep.cli.streams import show
    from sweep.storage.studies import quiet_optuna
    from sweep.storage.trust import carry
    from sweep.storage.url import StorageUrl
    from sweep.terminal.changes import print_copy
    from sweep.transfer.copy import copy_study

    with quiet_optuna():
        source = StorageUrl.parse(options.source, name="FROM")
        target = StorageUrl.parse(options.target, name="TO")
        report = copy_study(source, options.name, target)
        carry(report["study"], source, target)
    show(report, print_copy, as_json=options.json)
    return 0
