"""One function per verb; heavy imports wait until the verb needs them."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from typing import Any

from rich.console import Console

from sweep.cli.study_file import apply_options, load_spec
from sweep.importance import METHODS, importance as importance_of
from sweep.objective import load_objective
from sweep.progress import Progress
from sweep.run import complete_trials, run_study
from sweep.spec import StudySpec
from sweep.status import snapshot
from sweep.storage import default_url, load_study, quiet_optuna, read_spec
from sweep.summary import print_check, print_importance, print_status
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
    return _drive(spec, options.storage or default_url(spec.name), options)


def resume(options: argparse.Namespace) -> int:
    """Go on with a study from its database alone."""
    with quiet_optuna():
        spec = read_spec(load_study(options.storage, options.name))
    return _drive(apply_options(spec, options), options.storage, options)


def _drive(spec: StudySpec, url: str, options: argparse.Namespace) -> int:
    resume_command = f"lorasweep resume --storage {shlex.quote(url)} --name {spec.name}"
    with quiet_optuna():
        done = _done_before(spec, url)
        try:
            with Progress(
                spec.budget.trials, done, higher_is_better=spec.direction == "maximize"
            ) as watcher:
                study = run_study(
                    spec,
                    url,
                    watcher,
                    workers=options.workers,
                    take_over=options.take_over,
                    final_test=options.final_test,
                )
        except BaseException:
            print(f"lorasweep: go on with: {resume_command}", file=sys.stderr)
            raise
        report = snapshot(study, url)
    report["trained_now"] = report["counts"]["COMPLETE"] - done
    _show(report, print_status, as_json=options.json)
    return 0


def _done_before(spec: StudySpec, url: str) -> int:
    """Complete trials already there; 0 for a study still to be made."""
    from sweep.errors import StorageError

    try:
        return complete_trials(load_study(url, spec.name))
    except StorageError:
        return 0


def status(options: argparse.Namespace) -> int:
    """What a study has, and why trials failed."""
    with quiet_optuna():
        report = snapshot(load_study(options.storage, options.name), options.storage)
    _show(report, print_status, as_json=options.json)
    return 0


def importance(options: argparse.Namespace) -> int:
    """Which parameters mattered, by every method side by side."""
    with quiet_optuna():
        study = load_study(options.storage, options.name)
        table = to_table(study)
        results = [importance_of(table, method=name, seed=options.seed) for name in METHODS]
    report = {
        "study": study.study_name,
        "storage": options.storage,
        "n": len(table),
        "counts": dict(table.counts),
        "methods": [result.to_json() for result in results],
    }
    _show(report, print_importance, as_json=options.json)
    return 0


def _show(report: dict[str, Any], printer: Any, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(report))
    else:
        printer(report, Console())
