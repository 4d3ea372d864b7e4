"""One function per verb; what only one verb needs is imported there."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from sweep.cli.study_file import apply_options, load_spec
from sweep.console import make_console
from sweep.drive import Options, run_study
from sweep.errors import HeldError, ResumeError, SpecError
from sweep.extend import Request, extend_study, print_extension
from sweep.objective import load_objective
from sweep.progress import Progress
from sweep.spec import StudySpec
from sweep.status import snapshot
from sweep.storage import (
    Address,
    default_url,
    find_study,
    load_study,
    open_study,
    quiet_optuna,
    read_spec,
)
from sweep.summary import print_check, print_failures, print_importance, print_status
from sweep.tabulate import to_table


def check(options: argparse.Namespace) -> int:
    """Resolve data, base and target sets; train nothing."""
    spec = apply_options(load_spec(options.study), options)
    objective = load_objective(spec.objective, spec.settings, spec.inputs)
    baselines = [dict(baseline.values) for baseline in spec.baselines]
    report = {
        "study": spec.name,
        "spec_digest": spec.digest(),
        "configurations": spec.space.size(),
        **objective.check(spec.space, baselines),
    }
    _show(report, print_check, as_json=options.json)
    return 0


def run(options: argparse.Namespace) -> int:
    """Run a study, or go on with it."""
    spec = apply_options(load_spec(options.study), options)
    return _drive(
        spec,
        Address.parse(default_url(spec.name) if options.storage is None else options.storage),
        options,
    )


def resume(options: argparse.Namespace) -> int:
    """Go on with a study from its database alone."""
    address = Address.parse(options.storage)
    with quiet_optuna():
        spec = read_spec(load_study(address, options.name))
    return _drive(apply_options(spec, options), address, options)


def _drive(spec: StudySpec, address: Address, options: argparse.Namespace) -> int:
    how = Options(
        workers=options.workers,
        take_over=options.take_over,
        final_test=options.final_test,
        files="" if options.files is None else str(Path(options.files).resolve()),
    )
    with quiet_optuna():
        earlier = find_study(address, spec.name)
        before = None if earlier is None else snapshot(earlier, address)
        try:
            with _progress(spec, before) as watcher:
                run_study(spec, address, watcher, how)
        except (SpecError, ResumeError, HeldError):
            raise  # the same command, or a resume, would be refused again
        except BaseException:
            _say_how_to_go_on(spec, address)
            raise
        report = snapshot(load_study(address, spec.name), address)
    done = 0 if before is None else before["counts"]["COMPLETE"]
    if report["counts"]["COMPLETE"] == done:
        print(f"lorasweep: nothing to do: {done} trials are complete", file=sys.stderr)
    _show(report, print_status, as_json=options.json)
    return 0


def _say_how_to_go_on(spec: StudySpec, address: Address) -> None:
    """The command that continues a study which exists and ended early."""
    if find_study(address, spec.name) is None:
        return
    where = f"--storage {shlex.quote(address.shown)} --name {shlex.quote(spec.name)}"
    hint = " (with your password in place of ***)" if "***" in address.shown else ""
    print(f"lorasweep: to go on: lorasweep resume {where}{hint}", file=sys.stderr)


def _progress(spec: StudySpec, before: Mapping[str, Any] | None) -> Progress:
    higher = spec.direction == "maximize"
    if before is None:
        return Progress(spec.budget.trials, 0, higher_is_better=higher)
    best = None if before["best"] is None else before["best"]["value"]
    done = before["counts"]["COMPLETE"]
    return Progress(spec.budget.trials, done, higher_is_better=higher, best=best)


def status(options: argparse.Namespace) -> int:
    """What a study has, and why trials failed."""
    with quiet_optuna():
        address = Address.parse(options.storage)
        study = open_study(address, options.name)
        if "spec" in study.user_attrs:
            study = load_study(address, options.name)  # refuses what a newer lorasweep wrote
        report = snapshot(study, address)
    printer = print_failures if options.failed else print_status
    _show(report, printer, as_json=options.json)
    return 0


def extend(options: argparse.Namespace) -> int:
    """Add choices to a study that has trials, or widen its ranges."""
    address = Address.parse(options.storage)
    request = Request(tuple(options.add_target), tuple(options.add_choice), tuple(options.widen))
    with quiet_optuna():
        spec = apply_options(read_spec(load_study(address, options.name)), options)
        report = extend_study(spec, address, request, take_over=options.take_over)
        _say_how_to_go_on(spec, address)
    _show(report, print_extension, as_json=options.json)
    return 0


def export(options: argparse.Namespace) -> int:
    """Write every trial of a study into a file."""
    from sweep.transfer import export_study, print_export

    with quiet_optuna():
        address = Address.parse(options.storage)
        report = export_study(address, options.name, Path(options.out))
    _show(report, print_export, as_json=options.json)
    return 0


def copy(options: argparse.Namespace) -> int:
    """Copy a study into another database."""
    from sweep.transfer import copy_study, print_copy

    with quiet_optuna():
        source = Address.parse(options.source, name="FROM")
        target = Address.parse(options.target, name="TO")
        report = copy_study(source, options.name, target)
    _show(report, print_copy, as_json=options.json)
    return 0


def importance(options: argparse.Namespace) -> int:
    """Which parameters mattered, by every method side by side."""
    from sweep.importance import importance_report  # scikit-learn takes seconds to import

    with quiet_optuna():
        address = Address.parse(options.storage)
        study = load_study(address, options.name)
        table = to_table(study)
        found = importance_report(table, seed=options.seed).to_json()
    report = {
        "study": study.study_name,
        "storage": address.shown,
        "n": len(table),
        "history": study.user_attrs.get("history", []),
        **found,
    }
    _show(report, print_importance, as_json=options.json)
    return 0


def _show(
    report: Mapping[str, Any],
    printer: Callable[[Mapping[str, Any], Console], None],
    *,
    as_json: bool,
) -> None:
    if as_json:
        print(json.dumps(report))
    else:
        printer(report, make_console())
