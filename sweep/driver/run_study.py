"""Run a study from start to end: acquire the lease, run the sweep, release the lease."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass

import optuna

from sweep.driver.artifacts import ArtifactRetention
from sweep.driver.final_test import final_test
from sweep.driver.listener import Callback, Callbacks, ProgressListener
from sweep.driver.loop import TuningLoop
from sweep.driver.trial_store import TrialStore
from sweep.errors import SpecError, StorageError
from sweep.files.location import Location, refuse_secrets
from sweep.signals import Interrupts
from sweep.storage import studies
from sweep.storage.database import disable_wal, enable_wal, storage_lock
from sweep.storage.errors import storage_errors
from sweep.storage.guard import give_up, take
from sweep.storage.owner import DriverLease
from sweep.storage.trial_folders import files_of, folders_of, renew, shared, take_folder
from sweep.storage.url import StorageUrl
from sweep.study.design import Point
from sweep.study.objective import ObjectiveFactory, ObjectiveInfo
from sweep.study.source import Source
from sweep.study.spec import StudySpec
from sweep.workers.local import LocalLauncher
from sweep.workers.pool import Pool
from sweep.workers.ray.config import RayConfig, ray_is_missing

log = logging.getLogger("lorasweep")


@dataclass(frozen=True)
class Options:
    """How to run a study, as opposed to what it measures.

    Attributes:
        workers: number of workers; None for as many as suit the machine.
        pack: trials that one worker runs together; None for as many as the objective advises.
        cluster: the Ray cluster to compute on; None for worker processes on this machine.
        take_over: drive the study even if another process seems to.
        final_test: score the best trial on the test split afterwards.
        files: where trials keep files; empty for the study's default folder.
        command: the command line that runs it, without secrets; stored with the study.
        source: the folders of the study's code, stored with it; None to keep those stored.
        callbacks: called in this process after each finished trial, such as trackers or Optuna
            callbacks. One that raises is logged and not called again.
        build: builds the objective in this process, which then runs the trials, one after
            another, and is interrupted by KeyboardInterrupt; None for workers that import it.
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
    build: ObjectiveFactory | None = None


def run_study(
    spec: StudySpec, address: StorageUrl, listener: ProgressListener, options: Options = Options()
) -> optuna.Study:
    """Create or resume a study and run it until its budget is met.

    Args:
        spec: what to measure.
        address: the database.
        listener: receives progress events.
        options: how to run.

    Returns:
        The study, no longer held by this process.

    Raises:
        SpecError: if the settings, the space or a target set is invalid; lists all faults.
        ResumeError: if the study was made from another spec or other inputs.
        StorageError: if the database cannot be used or has another driver.
        SweepError: if the sweep cannot continue.
        Interruption: if a signal asked to stop; unfinished trials are queued for the next run.
    """
    pins = studies.known_pins(address, spec)
    launcher = _launcher(studies.pinned(spec, pins or {}), options)
    interrupts = Interrupts()
    handled = interrupts if options.build is None else contextlib.nullcontext()
    with handled, contextlib.closing(launcher):
        baselines = [dict(baseline.values) for baseline in spec.baselines]
        launcher.call("check", spec.space, baselines, interrupts=interrupts)
        facts: ObjectiveInfo = launcher.call("facts", interrupts=interrupts)
        wrong = facts.measures.value.direction_fault(spec.direction)
        if wrong:
            raise SpecError(wrong)
        if pins is None and facts.pinned:
            _decide(launcher, facts, interrupts)
        launcher.workers = options.workers or launcher.capacity(facts.workers)
        launcher.lanes, launcher.auto_lanes = options.pack or facts.pack, options.pack is None
        with driven(spec, address, facts, take_over=options.take_over) as (study, owner):
            _write_options(study, options)
            store = TrialStore(study, spec, address, owner)
            folders = folders_of(study, address, spec.policy.keep)
            callbacks = Callbacks(study, options.callbacks)
            retention = ArtifactRetention(spec, folders)
            loop = TuningLoop(store, retention, launcher, listener, interrupts, callbacks)
            log.info("workers: %d, trials together in each: %d", launcher.workers, launcher.lanes)
            try:
                with _own_folder(folders.root, study, address):
                    loop.sweep()
                    if options.final_test:
                        final_test(loop)
            finally:
                launcher.close()  # first: workers must not compute trials that are closed next
                store.abandon()
    return study


def _decide(launcher: Pool, facts: ObjectiveInfo, interrupts: Interrupts) -> None:
    """Fix, for the whole study, the open settings that the objective chose on this machine."""
    launcher.pin(facts.pinned, interrupts=interrupts)
    decided = ", ".join(f"{name}={value}" for name, value in facts.pinned.items())
    log.info("decided on this machine, for all of the study: %s", decided)


def _launcher(spec: StudySpec, options: Options) -> Pool:
    workers = options.workers or 1
    if options.build is not None:
        from sweep.workers.in_process import InProcessLauncher

        return InProcessLauncher(spec, options.build)
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
    """Open a study and hold its driver lease while the context is open.

    Yields:
        The study and this process's lease.

    Raises:
        ResumeError: if the study was made from another spec or other inputs.
        StorageError: if the database cannot be used or has another driver.
    """
    with storage_lock(address):
        study = studies.create_or_resume(address, spec, facts)
        with storage_errors(address):
            owner = take(study, address, take_over=take_over)
            studies.write_spec(study, spec, facts, points_of)
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
    from sweep.analysis.experiment_design.balanced import design_points  # SciPy loads slowly

    return design_points(spec.space, spec.design)


@contextlib.contextmanager
def _own_folder(root: Location, study: optuna.Study, address: StorageUrl) -> Iterator[None]:
    """Claim the study's folder of files, where other databases' studies may use the same place."""
    if not shared(address, files_of(study)):
        yield
        return
    with storage_errors(address):
        take_folder(root, study, address)
    try:
        yield
    finally:
        with contextlib.suppress(StorageError), storage_errors(address):
            renew(root, study, address)  # outdates a database copied meanwhile


def _let_go(study: optuna.Study) -> None:
    """Close the storage's open connections, so that SQLite's write-ahead log can be merged."""
    backend = getattr(study._storage, "_backend", None)  # noqa: SLF001 - Optuna wraps its storages
    if isinstance(backend, optuna.storages.RDBStorage):
        backend.engine.dispose()


def _write_options(study: optuna.Study, options: Options) -> None:
    if options.files:
        refuse_secrets(options.files)
        study.set_user_attr("files", options.files)
    if options.command and "command" not in study.user_attrs:
        study.set_user_attr("command", options.command)
    if options.source is not None:
        studies.write_source(study, options.source)
