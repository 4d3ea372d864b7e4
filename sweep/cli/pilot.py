"""The verb ``pilot``: measure what a design needs to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sweep.cli.options import Driving, StudyFileStored, storage_of
from sweep.cli.study_file import apply_options, load_spec, source_of
from sweep.errors import SpecError, fault
from sweep.study.design import Pilot

if TYPE_CHECKING:
    from sweep.storage.url import StorageUrl


@dataclass(kw_only=True)
class PilotOptions(StudyFileStored, Driving):
    """The options of ``pilot``."""


def pilot(options: PilotOptions) -> int:
    """Measure noise, and where all choices train."""
    from sweep.analysis.experiment_design.pilot import pilot_of
    from sweep.cli.run import drive
    from sweep.cli.streams import show
    from sweep.storage.studies import quiet_optuna
    from sweep.terminal.design import print_pilot

    whole = apply_options(load_spec(options.study), options)
    address = storage_of(whole, options)
    spec = pilot_of(whole)
    drive(spec, address, options, source_of(options.study, spec))
    with quiet_optuna():
        report = pilot_summary(address, spec.name)
    show(report, print_pilot, as_json=options.json)
    return 0


def pilot_summary(address: StorageUrl, name: str) -> dict[str, Any]:
    """What a pilot measured.

    Raises:
        SpecError: if the study of that name is no pilot.
    """
    from sweep.analysis.experiment_design.pilot_report import pilot_report
    from sweep.results.table import to_table
    from sweep.storage.studies import load_study, read_spec

    study = load_study(address, name)
    spec = read_spec(study)
    if not isinstance(spec.design, Pilot):
        rule = "be that of a pilot"
        way_out = "Give the study another name (--name)"
        raise SpecError(fault(f"the design of {name!r}", rule, spec.design, way_out=way_out))
    table = to_table(study)
    failed = table.counts.get("FAIL", 0)
    return {
        "study": name,
        "storage": address.shown,
        "failed": failed,
        **pilot_report(table, spec.design),
    }
