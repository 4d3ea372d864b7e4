"""The verb ``run``: run a study, with progress and a hint how to go on."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sweep.cli.options import Driving, RunOptions, amount, cluster, files_option, naming, storage_of
from sweep.cli.streams import say
from sweep.errors import HeldError, ResumeError, SpecError, SweepError, UsageError
from sweep.files.location import check, parse_location
from sweep.study.source import Source
from sweep.study.spec import StudySpec

if TYPE_CHECKING:
    from sweep.storage.url import StorageUrl
    from sweep.terminal.progress import Progress


def run(options: RunOptions) -> int:
    """Run a study, or go on with it until its budget is met."""
    from sweep.cli.detach import detach, print_job
    from sweep.cli.streams import show
    from sweep.cli.study_file import apply_options, load_spec, source_of
    from sweep.terminal.status import print_status

    spec = apply_options(load_spec(options.study), options)
    if options.detach:
        show(detach(spec, options), print_job, as_json=options.json)
        return 0
    report = drive(spec, storage_of(spec, options), options, source_of(options.study, spec))
    show(report, print_status, as_json=options.json)
    return 0


def drive(
    spec: StudySpec, address: StorageUrl, options: Driving, source: Source | None
) -> dict[str, Any]:
    """Run or resume a study as the options say.

    Args:
        spec: the study's spec.
        address: its database.
        options: how to run its trials.
        source: the folders of its code, stored with it and trusted from now on; None for a study
            that this user does not trust.

    Returns:
        Its snapshot once the budget is met.
    """
    from sweep.driver.run_study import Options, run_study
    from sweep.results.status import snapshot
    from sweep.storage.studies import find_study, load_study, quiet_optuna
    from sweep.storage.trial_folders import files_of
    from sweep.storage.trust import remember
    from sweep.trackers.make import trackers

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
        kept = "" if earlier is None else files_of(earlier)
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
        _refuse_failures(report, address)
        say(f"nothing to do: {done} trials are complete")
    return report


def _refuse_failures(report: Mapping[str, Any], address: StorageUrl) -> None:
    """Fail a run in which trials failed and none was completed, unless its budget is met."""
    failed = [t for t in report["failed"] if t["state"] == "FAIL" and not t["interrupted"]]
    counted, wanted = report["phases"]["counted"], report["target_trials"]
    if counted >= wanted or not failed:
        return
    where = naming(address, report["study"])
    first = (str(failed[-1]["reason"]).splitlines() or [""])[0]
    raise SweepError(
        f"no trial was completed: {counted} of {wanted} are, and {len(failed)} failed, the last "
        f"with: {first}. See 'lorasweep status --failed {where}', mend the cause, and run them "
        f"again: lorasweep resume {where} --on-failure 'retry(1)'"
    )


def say_how_to_go_on(spec: StudySpec, address: StorageUrl) -> None:
    """Print the command that continues a study which ended early, if it exists."""
    from sweep.storage.studies import find_study

    if find_study(address, spec.name) is None:
        return
    hint = " (with your password in place of ***)" if "***" in address.shown else ""
    say(f"to go on: lorasweep resume {naming(address, spec.name)}{hint}")


def _progress(spec: StudySpec, before: Mapping[str, Any] | None) -> Progress:
    from sweep.terminal.progress import Progress

    best = None if before is None or before["best"] is None else before["best"]["value"]
    done = 0 if before is None else before["phases"]["counted"]
    higher = spec.direction == "maximize"
    return Progress(spec.budget.trials, done, higher_is_better=higher, best=best)
