"""``run --detach``: submit the command as a job of a Ray cluster, and show how to follow it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from sweep.cli.options import RunOptions, cluster, dashed, files_option, naming, storage_of
from sweep.cli.study_file import lasting
from sweep.errors import SweepError, UsageError, fault
from sweep.storage.url import StorageUrl
from sweep.study.spec import StudySpec
from sweep.terminal.printable import printable
from sweep.trackers import NAMES
from sweep.workers.ray.config import ray_is_missing

_NOT_THERE = ("verb", "study", "command", "detach", "settings", "ray_address", "json")


def detach(spec: StudySpec, options: RunOptions) -> dict[str, str]:
    """Submit the command given by the options, to run on the cluster's head node.

    Returns:
        ``job``, ``address``, and commands that show its status and log and stop it.

    Raises:
        UsageError: if an option cannot be used there.
        SweepError: if the job cannot be submitted.
    """
    address = _reachable(spec, options)
    try:
        from sweep.workers.ray.jobs import submit
    except ImportError as error:
        raise ray_is_missing(error) from error
    study, files = _study_files(options.study)
    command = ["lorasweep", *run_arguments(options, study)]
    job = submit(options.ray_address, command, files)
    where = naming(address, spec.name)
    of_ray = f"{shlex.quote(job.number)} --address {shlex.quote(job.address)}"
    return {
        "job": job.number,
        "address": job.address,
        "status": f"lorasweep status {where}",
        "watch": f"lorasweep watch {where}",
        "log": f"ray job logs --follow {of_ray}",
        "stop": f"ray job stop {of_ray}",
    }


def print_job(report: Mapping[str, Any], _: Console) -> None:
    """Print the job and the commands to follow it, unwrapped so that they can be pasted."""
    for name in ("job", "status", "watch", "log", "stop"):
        print(printable(f"{name:<8}{report[name]}"))


def run_arguments(options: RunOptions, study: str) -> list[str]:
    """Arguments that run a study on the head node as these options would run it here.

    Args:
        options: the options of ``run``.
        study: the name of its file or module there.
    """
    given = {name: value for name, value in vars(options).items() if name not in _NOT_THERE}
    for name in ("data", "base"):
        given[name] = None if given[name] is None else lasting(given[name])
    given["files"] = files_option(options)
    given["ray_address"] = "auto"
    arguments = ["run", study, *(f"--set={pair}" for pair in options.settings)]
    for name, value in given.items():
        flag = dashed(name)
        if value is True:
            arguments.append(flag)
        elif isinstance(value, list):
            arguments += [f"{flag}={each}" for each in value]
        elif value is not None and value is not False and value != "":
            arguments.append(f"{flag}={value}")
    return arguments


def _reachable(spec: StudySpec, options: RunOptions) -> StorageUrl:
    faults = []
    if options.launcher != "ray":
        faults.append(fault("--detach", "go with --launcher ray", options.launcher))
    address = storage_of(spec, options)
    if address.path is not None and not address.path.is_absolute():
        rule = "be one that the cluster's head node reaches: a server, or an absolute path there"
        way_out = "For example sqlite:////shared/study.db"
        faults.append(fault("--storage", rule, address.shown, way_out=way_out))
    if address.secrets:
        rule = "hold no password with --detach: Ray shows the commands of jobs"
        way_out = "Leave it to ~/.pgpass on the head node"
        faults.append(fault("--storage", rule, address.shown, way_out=way_out))
    faults += [
        fault("--track", f"be one of {', '.join(NAMES)}", name)
        for name in options.track
        if name not in NAMES
    ]
    if faults:
        raise UsageError(faults)
    cluster(options)
    return address


def _study_files(named: str) -> tuple[str, dict[str, bytes]]:
    """The study's name in the job's working directory, and the files to send there.

    A module in the current folder is sent with its package, an installed module must be there.
    """
    try:
        if named.endswith(".py"):
            return Path(named).name, {Path(named).name: Path(named).read_bytes()}
        here, top = Path.cwd(), named.partition(".")[0]
        found = Path(str(sys.modules[named].__file__)).resolve()
        if not found.is_relative_to(here / top) and found != here / f"{top}.py":
            return named, {}
        files = (here / top).rglob("*.py") if (here / top).is_dir() else [found]
        return named, {path.relative_to(here).as_posix(): path.read_bytes() for path in files}
    except OSError as error:
        rule = "be a file that can be sent to the head node"
        raise SweepError(fault("the study", rule, named, where=str(error))) from error
