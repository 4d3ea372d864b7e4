"""The other verbs, one function each; imports are made where they are needed."""

from __future__ import annotations

import argparse
from pathlib import Path

from sweep.cli.design import design_size
from sweep.cli.detach import detach, print_job
from sweep.cli.driving import drive, say_how_to_go_on, storage_of
from sweep.cli.output import show
from sweep.cli.study_file import apply_options, load_spec, source_of
from sweep.cli.trust import trusted_source
from sweep.extend.changes import Request
from sweep.extend.extend import extend_study
from sweep.results.status import snapshot
from sweep.storage.studies import load_study, open_known, quiet_optuna, read_spec
from sweep.storage.trust import carry, trust_again
from sweep.storage.url import StorageUrl
from sweep.study.objective import load_objective
from sweep.terminal.changes import print_extension
from sweep.terminal.check import print_check
from sweep.terminal.status import print_failures, print_status


def check(options: argparse.Namespace) -> int:
    """Resolve data, base model and target sets, without training."""
    spec = apply_options(load_spec(options.study), options)
    objective = load_objective(spec.objective, spec.settings, spec.inputs)
    baselines = [dict(baseline.values) for baseline in spec.baselines]
    report = {
        "study": spec.name,
        "spec_digest": spec.digest(),
        "configurations": spec.space.size(),
        **({} if spec.design is None else {"design": design_size(spec)}),
        **objective.check(spec.space, baselines),
    }
    show(report, print_check, as_json=options.json)
    return 0


def run(options: argparse.Namespace) -> int:
    """Run or resume a study, here or as a job of a cluster."""
    spec = apply_options(load_spec(options.study), options)
    if options.detach:
        show(detach(spec, options), print_job, as_json=options.json)
        return 0
    report = drive(spec, storage_of(spec, options), options, source_of(options.study, spec))
    show(report, print_status, as_json=options.json)
    return 0


def resume(options: argparse.Namespace) -> int:
    """Resume a study from its database alone."""
    address = StorageUrl.parse(options.storage)
    with quiet_optuna():
        study = load_study(address, options.name)
        source = trusted_source(study, address, options)
        spec = read_spec(study)
    report = drive(apply_options(spec, options), address, options, source)
    show(report, print_status, as_json=options.json)
    return 0


def status(options: argparse.Namespace) -> int:
    """Show a study's trials, and why some failed."""
    with quiet_optuna():
        address = StorageUrl.parse(options.storage)
        study = open_known(address, options.name)
        report = snapshot(study, address)
    printer = print_failures if options.failed else print_status
    show(report, printer, as_json=options.json)
    return 0


def extend(options: argparse.Namespace) -> int:
    """Add choices to a study that has trials, or widen its ranges."""
    address = StorageUrl.parse(options.storage)
    request = Request(tuple(options.add_target), tuple(options.add_choice), tuple(options.widen))
    with quiet_optuna():
        study = load_study(address, options.name)
        source = trusted_source(study, address, options)
        spec = apply_options(read_spec(study), options)
        report = extend_study(spec, address, request, take_over=options.take_over)
        if source is not None:
            trust_again(address, spec.name)
        say_how_to_go_on(spec, address)
    show(report, print_extension, as_json=options.json)
    return 0


def export(options: argparse.Namespace) -> int:
    """Write every trial of a study to a file."""
    from sweep.terminal.changes import print_export
    from sweep.transfer.export import export_study

    with quiet_optuna():
        address = StorageUrl.parse(options.storage)
        report = export_study(address, options.name, Path(options.out))
    show(report, print_export, as_json=options.json)
    return 0


def copy(options: argparse.Namespace) -> int:
    """Copy a study to another database."""
    from sweep.terminal.changes import print_copy
    from sweep.transfer.copy import copy_study

    with quiet_optuna():
        source = StorageUrl.parse(options.source, name="FROM")
        target = StorageUrl.parse(options.target, name="TO")
        report = copy_study(source, options.name, target)
        carry(report["study"], source, target)
    show(report, print_copy, as_json=options.json)
    return 0
