"""Run a study from the command line, with progress and a hint how to continue."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweep.cli.options import amount, cluster
from sweep.cli.streams import say
from sweep.driver.run_study import Options, run_study
from sweep.errors import HeldError, ResumeError, SpecError, SweepError, UsageError
from sweep.files.location import check, parse_location, refuse_secrets, text_of
from sweep.results.status import snapshot
from sweep.storage.studies import find_study, load_study, quiet_optuna
from sweep.storage.trust import remember
from sweep.storage.url import StorageUrl, default_url
from sweep.study.source import Source
from sweep.study.spec import StudySpec
from sweep.terminal.progress import Progress
from sweep.trackers.make import trackers


def storage_of(spec: StudySpec, options: argparse.Namespace) -> StorageUrl:
    """The database named on the command line, or the study's default."""
    return StorageUrl.parse(default_url(spec.name) if options.storage is None else options.storage)


def files_option(options: argparse.Namespace) -> str:
    """The place for checkpoints as an absolute path or URL; empty if not given."""
    if options.files is None:
        return ""
    refuse_secrets(options.files)
    where = parse_location(options.files)
    return text_of(where.resolve() if isinstance(where, Path) else where)


def drive(
    spec: StudySpec, address: StorageUrl, options: argparse.Namespace, source: Source | None
) -> dict[str, Any]:
    """Run or resume a study as the options say.

    Args:
        spec: the study's spec.
        address: its database.
        options: command-line options.
        source: the folders of its code, stored with it and trusted from now on; None for a study
            that this user does not trust.

    Returns:
        Its snapshot once the budget is met.
    """
    how = Options(
        workers=amount(options, "workers"),
        pack=amount(options, "pack"),
        cluster=cluster(options),
        take_over=options.take_over,
        final_test=options.final_test,
        source=source,
        files=files_option(options),
        command=address.redact(shlex.join(options.command)),
        callbacks=trackers(options.track, address, spec.name),
    )
    with quiet_optuna():
        earlier = find_study(address, spec.name)
        kept = "" if earlier is None else str(earlier.user_attrs.get("files", ""))
        check(parse_location(how.files or kept))
        before = None if earlier is None else snapshot(earlier, address)
        if source is not None:
            remember(spec, address, source, how.files or kept)
        try:
            with _progress(spec, before) as watcher:
                run_study(spec, address, watcher, how)
        except (UsageError, SpecError, ResumeError, HeldError):
            raise  # repeating the command would fail again
        except BaseException:
            say_how_to_go_on(spec, address)
            raise
        report = snapshot(load_study(address, spec.name), address)
    done = 0 if before is None else before["counts"]["COMPLETE"]
    if report["counts"]["COMPLETE"] == done:
        refuse_failures(report, address)
        say(f"nothing to do: {done} trials are complete")
    return report


def refuse_failures(report: Mapping[str, Any], address: StorageUrl) -> None:
    """Fail a run in which trials failed and none was completed.

    Raises:
        SweepError: if the budget is not met and some trials failed.
    """
    failed = [t for t in report["failed"] if t["state"] == "FAIL" and not t["interrupted"]]
    counted, wanted = report["phases"]["counted"], report["target_trials"]
    if counted >= wanted or not failed:
        return
    where = f"--storage {shlex.quote(address.shown)} --name {shlex.quote(report['study'])}"
    first = (str(failed[-1]["reason"]).splitlines() or [""])[0]
    raise SweepError(
        f"no trial was completed: {counted} of {wanted} are, and {len(failed)} failed, the last "
        f"with: {first}. See 'lorasweep status --failed {where}', mend the cause, and run them "
        f"again: lorasweep resume {where} --on-failure 'retry(1)'"
    )


def say_how_to_go_on(spec: StudySpec, address: StorageUrl) -> None:
    """Print the command that continues a study which ended early, if it exists."""
    if find_study(address, spec.name) is None:
        return
    where = f"--storage {shlex.quote(address.shown)} --name {shlex.quote(spec.name)}"
    hint = " (with your password in place of ***)" if "***" in address.shown else ""
    say(f"to go on: lorasweep resume {where}{hint}")


def _progress(spec: StudySpec, before: Mapping[str, Any] | None) -> Progress:
    higher = spec.direction == "maximize"
    if before is None:
        return Progress(spec.budget.trials, 0, higher_is_better=higher)
    best = None if before["best"] is None else before["best"]["value"]
    done = before["phases"]["counted"]
    return Progress(spec.budget.trials, done, higher_is_better=higher, best=best)
