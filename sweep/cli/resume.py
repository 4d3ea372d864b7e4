"""The verb ``resume``: go on with a study from its database alone."""

from __future__ import annotations

from dataclasses import dataclass

from sweep.cli.options import Budget, Inputs, StoredStudy, Trust, trusted_source


@dataclass(kw_only=True)
class ResumeOptions(StoredStudy, Inputs, Trust, Budget):
    """The options of ``resume``."""


def resume(options: ResumeOptions) -> int:
    """Go on with a study from its database alone."""
    from sweep.cli.run import drive
    from sweep.cli.streams import show
    from sweep.cli.study_file import apply_options
    from sweep.storage.studies import load_study, quiet_optuna, read_spec
    from sweep.storage.url import StorageUrl
    from sweep.terminal.status import print_status

    address = StorageUrl.parse(options.storage)
    with quiet_optuna():
        study = load_study(address, options.name)
        source = trusted_source(study, address, options)
        spec = read_spec(study)
    report = drive(apply_options(spec, options), address, options, source)
    show(report, print_status, as_json=options.json)
    return 0
