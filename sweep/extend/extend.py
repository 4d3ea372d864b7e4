"""Extend a study: derive the new spec, have the objective check it, migrate the database.

The database is migrated in one SQL transaction. Optuna refuses a new choice in a stored parameter,
and accepts a wider range silently; its samplers and importances then drop that parameter, since
all trials of a study must agree on it. So the distribution stored with each trial is updated
together with the spec. Values are unchanged.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import optuna
import sqlalchemy
from optuna.distributions import distribution_to_json, json_to_distribution
from sqlalchemy import Connection, Engine, column, select, table

from sweep.errors import StorageError, UsageError, fault
from sweep.extend.changes import Request, extended
from sweep.sampling.samplers import distributions
from sweep.signals import Interrupts
from sweep.storage.database import disable_wal, storage_lock
from sweep.storage.errors import storage_errors
from sweep.storage.guard import give_up, take
from sweep.storage.studies import create_or_resume, read_spec
from sweep.storage.url import StorageUrl
from sweep.study.objective import ObjectiveInfo
from sweep.study.space import Space
from sweep.study.spec import StudySpec
from sweep.workers.local import LocalLauncher

_ATTRIBUTES = table(
    "study_user_attributes", column("study_id"), column("key"), column("value_json")
)
_TRIALS = table("trials", column("trial_id"), column("study_id"))
_PARAMS = table(
    "trial_params", column("trial_id"), column("param_name"), column("distribution_json")
)

_WAY_OUT = (
    "Add --add-target LABEL=SET, --add-choice PARAM=VALUE or --widen PARAM=LOW:HIGH; "
    "each may be repeated"
)
_COPY = "Copy the study to SQLite (lorasweep copy) and extend the copy"


def engine_of(study: optuna.Study) -> Engine:
    """The SQLAlchemy engine of a study in SQLite or PostgreSQL."""
    storage: Any = study._storage  # noqa: SLF001 - Optuna wraps it in a cache
    engine: Engine = storage._backend.engine  # noqa: SLF001
    return engine


def migrate(
    study: optuna.Study, before: StudySpec, after: StudySpec, changes: Sequence[str]
) -> dict[str, Any]:
    """Replace a study's spec, and the distributions of its trials, by extended ones.

    Args:
        study: the study, held by this process.
        before: its spec.
        after: the same with choices appended or ranges widened.
        changes: one sentence per change, for the history.

    Returns:
        The new entry of its history.

    Raises:
        StorageError: if its spec is not ``before`` any more.
    """
    study_id = study._study_id  # noqa: SLF001 - Optuna has no public name for it
    with engine_of(study).begin() as connection:
        # The first statement is a write, which takes SQLite's lock, so later reads stay valid.
        _swap_digest(connection, study, before.digest(), after.digest())
        _rewrite_trials(connection, study_id, before.space, after.space)
        entry = {
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "from": before.digest(),
            "to": after.digest(),
            "changes": list(changes),
            "n_trials": _count_trials(connection, study_id),
        }
        history = _read(connection, study_id, "history") or []
        _write(connection, study_id, "history", [*history, entry])
        _write(connection, study_id, "spec", after.to_json())
    return entry


def _swap_digest(connection: Connection, study: optuna.Study, old: str, new: str) -> None:
    """Replace the spec's digest; fails if the study was extended meanwhile."""
    found = connection.execute(
        sqlalchemy.update(_ATTRIBUTES)
        .where(*_attribute(study._study_id, "spec_digest"))  # noqa: SLF001 - as above
        .where(_ATTRIBUTES.c.value_json == json.dumps(old))
        .values(value_json=json.dumps(new))
    )
    if found.rowcount != 1:
        now = _read(connection, study._study_id, "spec_digest")  # noqa: SLF001 - as above
        rule = f"still be the one of digest {old}"
        way_out = "Look at its status, then extend what is there now"
        raise StorageError(fault(f"study {study.study_name!r}", rule, now, way_out=way_out))


def _rewrite_trials(connection: Connection, study_id: int, old: Space, new: Space) -> None:
    """Replace the old space's distributions in all trials; others, added by hand, stay."""
    before, after = distributions(old), distributions(new)
    mine = _PARAMS.c.trial_id.in_(select(_TRIALS.c.trial_id).where(_TRIALS.c.study_id == study_id))
    for name in (name for name in after if after[name] != before[name]):
        rows = (mine, _PARAMS.c.param_name == name)
        texts = connection.scalars(select(_PARAMS.c.distribution_json).where(*rows).distinct())
        for text in texts.all():
            if json_to_distribution(text) == before[name]:
                connection.execute(
                    sqlalchemy.update(_PARAMS)
                    .where(*rows, _PARAMS.c.distribution_json == text)
                    .values(distribution_json=distribution_to_json(after[name]))
                )


def _count_trials(connection: Connection, study_id: int) -> int:
    query = select(sqlalchemy.func.count()).where(_TRIALS.c.study_id == study_id)
    return int(connection.scalar(query.select_from(_TRIALS)) or 0)


def _attribute(study_id: int, key: str) -> tuple[Any, Any]:
    return _ATTRIBUTES.c.study_id == study_id, _ATTRIBUTES.c.key == key


def _read(connection: Connection, study_id: int, key: str) -> Any:
    """A user attribute of the study; None if it has none."""
    query = select(_ATTRIBUTES.c.value_json).where(*_attribute(study_id, key))
    text = connection.scalar(query)
    return None if text is None else json.loads(text)


def _write(connection: Connection, study_id: int, key: str, value: Any) -> None:
    text = {"value_json": json.dumps(value)}
    update = sqlalchemy.update(_ATTRIBUTES).where(*_attribute(study_id, key)).values(text)
    if not connection.execute(update).rowcount:
        row = {"study_id": study_id, "key": key, **text}
        connection.execute(sqlalchemy.insert(_ATTRIBUTES).values(row))


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
