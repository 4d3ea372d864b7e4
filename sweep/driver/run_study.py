"""Take a study, run it, let it go: what a driver process does from beginning to end."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass

import optuna

from sweep.driver.artifacts import ArtifactRetention
from sweep.driver.callbacks import Callback, Callbacks
from sweep.driver.final_test import final_test
from sweep.driver.listener import ProgressListener
from sweep.driver.loop import Team, TuningLoop
from sweep.driver.trial_store import TrialStore
from sweep.errors import StorageError
from sweep.files.location import refuse_secrets
from sweep.signals import Interrupts
from sweep.storage.errors import storage_errors
from sweep.storage.files_mark import renew, take_folder
from sweep.storage.guard import give_up, take
from sweep.storage.locks import storage_lock
from sweep.storage.owner import DriverLease
from sweep.storage.sqlite_files import disable_wal, enable_wal
from sweep.storage.studies import (
    create_or_resume,
    known_pins,
    pinned,
    read_identity,
    write_source,
    write_spec,
)
from sweep.storage.trial_folders import TrialFolders, shared
from sweep.storage.url import StorageUrl
from sweep.study.design import Point
from sweep.study.objective import ObjectiveInfo
from sweep.study.source import Source
from sweep.study.spec import StudySpec
from sweep.workers.local import LocalLauncher
from sweep.workers.pool import Pool
from sweep.workers.ray.config import RayConfig, ray_is_missing

log = logging.getLogger("lorasweep")


@dataclass(frozen=True)
class Options:
    """How to run, as opposed to what.

    Attributes:
        workers: processes to use; None for as many as suit the machine.
        pack: trials that each of them runs together; None for as many as the objective advises.
        cluster: a Ray cluster to compute on; None for worker processes on this machine.
        take_over: drive the study even if another process seems to.
        final_test: afterwards score the test split with the best trial.
        files: where trials keep files; empty for the study's own place.
        command: what was typed to run it, without secrets; kept with the study.
        source: the folders of the study's code, kept with it; None for those that are kept.
        callbacks: told of each trial of the study that is over, in this process: trackers, or
            any of Optuna's kind. What they raise is logged, once each, and costs nothing else.
    """

    workers: int | None = None
    pack: int | None = None
    cluster: RayConfig | None = None
    take_over: bool = False
    final_test: bool = False
    files: str = ""
    command: str = ""
    source: Source | None = None
    callbacks: tuple[Callback, ...] = ()


def run_study(
    spec: StudySpec, address: StorageUrl, listener: ProgressListener, options: Options = Options()
) -> optuna.Study:
    """Make or resume a study and run it to its budget.

    Args:
        spec: what to measure.
        address: the database.
        listener: is told what happens.
        options: how to run.

    Returns:
        The study, released.

    Raises:
        SpecError: if the settings, the space or a target set breaks a rule; all at once.
        ResumeError: if the study was made from another spec or other inputs.
        StorageError: if the database cannot be used or has another driver.
        SweepError: if the sweep cannot go on.
        Interruption: if a signal asked to end; open trials are queued for the next run.
    """
    pins = known_pins(address, spec)
    launcher = _launcher(pinned(spec, pins or {}), options)
    with Interrupts() as interrupts, contextlib.closing(launcher):
        baselines = [dict(baseline.values) for baseline in spec.baselines]
        launcher.call("check", spec.space, baselines, interrupts=interrupts)
        facts: ObjectiveInfo = launcher.call("facts", interrupts=interrupts)
        if pins is None and facts.pinned:
            _decide(launcher, facts, interrupts)
        launcher.workers = options.workers or launcher.capacity(facts.workers)
        launcher.lanes, launcher.auto_lanes = options.pack or facts.pack, options.pack is None
        with driven(spec, address, facts, take_over=options.take_over) as (study, owner):
            files = _files(study, options.files)
            _remember(study, options.command)
            if options.source is not None:
                write_source(study, options.source)
            store = TrialStore(study, spec, address, owner)
            identity = read_identity(study)
            folders = TrialFolders.of_study(address, spec.name, spec.policy.keep, files, identity)
            callbacks = Callbacks(study, options.callbacks)
            retention = ArtifactRetention(spec, folders)
            team = Team(store, retention, launcher, listener, interrupts, callbacks)
            log.info("workers: %d, trials together in each: %d", launcher.workers, launcher.lanes)
            try:
                with _own_folder(folders, study, address, files):
                    TuningLoop(team).sweep()
                    if options.final_test:
                        final_test(team)
            finally:
                launcher.close()  # first: no worker may compute for a trial already closed
                store.abandon()
    return study


def _decide(launcher: Pool, facts: ObjectiveInfo, interrupts: Interrupts) -> None:
    """Have a study that has yet to begin keep to what this machine makes of its open settings."""
    launcher.pin(facts.pinned, interrupts=interrupts)
    decided = ", ".join(f"{name}={value}" for name, value in facts.pinned.items())
    log.info("decided on this machine, for all of the study: %s", decided)


def _launcher(spec: StudySpec, options: Options) -> Pool:
    """Who computes.

    Raises:
        UsageError: if it is to be a cluster, and Ray is not installed.
        SweepError: if there is no such cluster.
    """
    workers = options.workers or 1
    if options.cluster is None:
        return LocalLauncher(spec, workers)
    try:
        from sweep.workers.ray.pool import RayLauncher
    except ImportError as error:
        raise ray_is_missing(error) from error
    return RayLauncher(spec, options.cluster, workers)


@contextlib.contextmanager
def driven(
    spec: StudySpec, address: StorageUrl, facts: ObjectiveInfo, *, take_over: bool
) -> Iterator[tuple[optuna.Study, DriverLease]]:
    """Hold a study as its only driver.

    Raises:
        ResumeError: if the study was made from another spec or other inputs.
        StorageError: if the database cannot be used or has another driver.
    """
    with storage_lock(address):
        study = create_or_resume(address, spec, facts)
        with storage_errors(address):
            owner = take(study, address, take_over=take_over)
            write_spec(study, spec, facts, points_of)
    enable_wal(address)
    try:
        yield study, owner
    finally:
        with contextlib.suppress(StorageError), storage_errors(address):
            give_up(study, owner)
        _let_go(study)
        disable_wal(address)


def points_of(spec: StudySpec) -> tuple[Point, ...]:
    """The runs of the spec's design, in order."""
    from sweep.analysis.experiment_design.points import design_points  # SciPy takes a second

    return design_points(spec.space, spec.design)


@contextlib.contextmanager
def _own_folder(
    folders: TrialFolders, study: optuna.Study, address: StorageUrl, files: str
) -> Iterator[None]:
    """Use a folder that other databases' studies may use too, as the only copy of this study.

    Raises:
        ResumeError: if another copy of the study uses it.
    """
    if not shared(address, files):
        yield
        return
    with storage_errors(address):
        take_folder(folders.root, study, address)
    try:
        yield
    finally:
        with contextlib.suppress(StorageError), storage_errors(address):
            renew(folders.root, study, address)  # a copy made meanwhile must not know the token


def _let_go(study: optuna.Study) -> None:
    """Close the connections that the storage keeps, so that its file can be folded up."""
    backend = getattr(study._storage, "_backend", None)  # noqa: SLF001 - Optuna wraps its storages
    if isinstance(backend, optuna.storages.RDBStorage):
        backend.engine.dispose()


def _remember(study: optuna.Study, command: str) -> None:
    """Keep how the study was first run."""
    if command and "command" not in study.user_attrs:
        study.set_user_attr("command", command)


def _files(study: optuna.Study, wanted: str) -> str:
    """Where trials keep files; remembered, so that a resume from the database finds them."""
    if wanted:
        refuse_secrets(wanted)
        study.set_user_attr("files", wanted)
    return str(study.user_attrs.get("files", ""))
