"""Extend a study: derive the new spec, have the objective check it, migrate the database."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import optuna

from sweep.errors import StorageError, UsageError, fault
from sweep.extend.changes import Request, extended
from sweep.extend.migration import engine_of, migrate
from sweep.signals import Interrupts
from sweep.storage.errors import storage_errors
from sweep.storage.guard import give_up, take
from sweep.storage.locks import storage_lock
from sweep.storage.sqlite_files import disable_wal
from sweep.storage.studies import create_or_resume, read_spec
from sweep.storage.url import StorageUrl
from sweep.study.objective import ObjectiveInfo
from sweep.study.spec import StudySpec
from sweep.workers.local import LocalLauncher

_WAY_OUT = (
    "Add --add-target LABEL=SET, --add-choice PARAM=VALUE or --widen PARAM=LOW:HIGH; "
    "each may be repeated"
)
_COPY = "Copy the study to SQLite (lorasweep copy) and extend the copy"


def extend_study(
    spec: StudySpec, address: StorageUrl, request: Request, *, take_over: bool = False
) -> dict[str, Any]:
    """Add choices or widen ranges of a study; its trials are kept.

    All changes are written at the end, in one transaction.

    Args:
        spec: the study's spec; its inputs may be at other paths.
        address: its database; a journal is refused.
        request: what to add.
        take_over: extend even if another process seems to drive the study.

    Returns:
        ``study``, ``storage`` and ``history``, which holds this extension's entry alone.

    Raises:
        UsageError: if the request is empty.
        SpecError: lists all faults of the request.
        ResumeError: if the study was made from another spec or other inputs.
        StorageError: if the database cannot be used, or the study has a driver.
        Interruption: if a signal asked to stop; the study is unchanged.
    """
    if not request:
        raise UsageError(fault("extend", "be told what to add", "nothing", way_out=_WAY_OUT))
    if address.kind == "journal":
        rule = "be SQLite or PostgreSQL: what a journal holds can be added to, not changed"
        raise StorageError(fault("--storage", rule, address.shown, way_out=_COPY))
    if spec.design is not None:
        rule = "hold a study without a design: its points are spread over the space as it is"
        way_out = "Lay out another study (--name)"
        raise StorageError(fault("--storage", rule, address.shown, way_out=way_out))
    space, changes = extended(spec.space, request)
    after = replace(spec, space=space)
    with Interrupts() as interrupts:
        facts = _checked(after, interrupts)
        interrupts.check()  # the rest is short and not interrupted
        entry = apply(address, spec, after, facts, changes, take_over=take_over)
    return {"study": spec.name, "storage": address.shown, "history": [entry]}


def _checked(spec: StudySpec, interrupts: Interrupts) -> ObjectiveInfo:
    """Have the objective check the new spec in a worker, as a run does."""
    launcher = LocalLauncher(spec)
    with contextlib.closing(launcher):
        baselines = [dict(baseline.values) for baseline in spec.baselines]
        launcher.call("check", spec.space, baselines, interrupts=interrupts)
        facts: ObjectiveInfo = launcher.call("facts", interrupts=interrupts)
    return facts


def apply(
    address: StorageUrl,
    before: StudySpec,
    after: StudySpec,
    facts: ObjectiveInfo,
    changes: Sequence[str],
    *,
    take_over: bool = False,
) -> dict[str, Any]:
    """Acquire the study's lease and migrate it.

    Returns:
        The new entry of its history.

    Raises:
        ResumeError: if its spec is not ``before``, or its inputs have other contents.
        StorageError: if the database cannot be used, or the study has a driver.
    """
    with _held(address, before, facts, take_over=take_over) as study:
        now = read_spec(study)  # budget and policy may have changed meanwhile
        after = replace(now, space=after.space, inputs=after.inputs)
        return migrate(study, now, after, changes)


@contextlib.contextmanager
def _held(
    address: StorageUrl, spec: StudySpec, facts: ObjectiveInfo, *, take_over: bool
) -> Iterator[optuna.Study]:
    """Open the study and hold its driver lease, under the storage's lock."""
    with storage_lock(address):
        study = create_or_resume(address, spec, facts)
        try:
            with storage_errors(address):
                owner = take(study, address, take_over=take_over)
            try:
                with storage_errors(address):
                    yield study
            finally:
                with contextlib.suppress(StorageError), storage_errors(address):
                    give_up(study, owner)
        finally:
            engine_of(study).dispose()  # first, so that the write-ahead log can be merged
            disable_wal(address)
