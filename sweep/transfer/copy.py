"""Copy a study into another database; an unfinished copy is marked as such."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Collection, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial

from sweep.errors import StorageError, fault
from sweep.storage.database import exists, open_storage, storage_lock
from sweep.storage.errors import storage_errors
from sweep.storage.studies import count_states, study_names
from sweep.storage.url import StorageUrl, folder_name
from sweep.transfer.records import Record, text, whole
from sweep.transfer.snapshot import COPYING, Snapshot, closing, mark, take

log = logging.getLogger("lorasweep")

_SAY_SECONDS = 10
"""Interval of progress messages of a long copy."""

_LAST = "spec"
"""The attribute written last; its presence shows that a lorasweep study is complete."""


def refuse_differences(
    source: Snapshot, copy: Snapshot, address: StorageUrl, without: Collection[str] = ()
) -> None:
    """Compare every trial and attribute of a study and its copy.

    Args:
        source: the copied study.
        copy: the copy, as read back.
        address: the copy's database.
        without: study attributes that are not written yet.

    Raises:
        StorageError: naming the first differences.
    """
    found = list(differences(source, copy, address, without))
    if found:
        raise StorageError(
            fault(
                f"the copy of {source.name!r}",
                "equal its source",
                "; ".join(found[:5]),
                where=f"{address.shown}, {len(found)} differences",
                way_out="Copy again, or into another kind of database",
            )
        )


def differences(
    source: Snapshot, copy: Snapshot, address: StorageUrl, without: Collection[str] = ()
) -> Iterator[str]:
    """The differences between a study and its copy, as short texts."""
    if source.directions != copy.directions:
        yield "directions"
    if len(source.trials) != len(copy.trials):
        yield f"{len(copy.trials)} trials for {len(source.trials)}"
    for mine, theirs in zip(source.trials, copy.trials, strict=False):
        before, after = _comparable(mine, address), _comparable(theirs, address)
        names = [name for name in before if before[name] != after[name]]
        if names:
            yield f"trial {mine.number}: {', '.join(names)}"
    for kind, had, has in (
        ("user", source.lasting_attrs, copy.lasting_attrs),
        ("system", source.system_attrs, copy.system_attrs),
    ):
        for key in sorted({*had, *has} - set(without)):
            if key not in had or key not in has or text(had[key]) != text(has[key]):
                yield f"{kind} attribute {key}"


def _comparable(trial: FrozenTrial, address: StorageUrl) -> Record:
    """All of a trial that the database can store; SQLite drops the sign of a zero."""
    record = whole(trial)
    if address.kind == "sqlite":
        values = trial.values
        record["values"] = None if values is None else text([_unsigned(v) for v in values])
        for name in ("intermediate_values", "params"):
            tree = getattr(trial, name)
            record[name] = text({key: _unsigned(value) for key, value in tree.items()})
    return record


def _unsigned(value: object) -> object:
    return value + 0.0 if isinstance(value, float) else value


def copy_study(source: StorageUrl, name: str | None, target: StorageUrl) -> dict[str, Any]:
    """Copy a study, made by lorasweep or not, and compare every trial and attribute.

    The study's files (checkpoints, adapters) and its driver lease are not copied. If this process
    is killed meanwhile, the target's study stays marked as unfinished, and the same call replaces
    it.

    Args:
        source: the database to copy from; it is only read.
        name: the study; optional if the database holds one study.
        target: the database to copy to; the study keeps its name.

    Returns:
        A JSON-ready report.

    Raises:
        StorageError: if either database cannot be used, the target already has a study of that
            name, or the copy differs from its source.
    """
    with _called("FROM"):
        snapshot = take(source, name)
    with _called("TO"), storage_lock(target):
        exists(target)  # refuses another program's database
        with storage_errors(target), closing(open_storage(target, make=True)) as storage:
            study, redone = _room(storage, snapshot, target)
            study.set_user_attr(COPYING, mark(source, metadata.version("lorasweep")))
            _fill(study, snapshot, target)
            _finish(study, snapshot, target)
    notes = list(_notes(snapshot, source))
    for note in notes:
        log.warning("%s", note)
    return {
        "study": snapshot.name,
        "from": source.shown,
        "to": target.shown,
        "trials": len(snapshot.trials),
        "counts": count_states(snapshot.trials),
        "attributes": len(snapshot.lasting_attrs) + len(snapshot.system_attrs),
        "redone": redone,
        "verified": True,
        "notes": notes,
    }


def _room(
    storage: BaseStorage, snapshot: Snapshot, target: StorageUrl
) -> tuple[optuna.Study, bool]:
    """An empty study for the copy, and whether it replaces an unfinished copy; refuses others."""
    redone = False
    if snapshot.name in study_names(storage):
        study = optuna.load_study(study_name=snapshot.name, storage=storage)
        there = Snapshot.of(study)
        bare = not (there.trials or there.user_attrs or there.system_attrs)
        if bare and there.directions == snapshot.directions:  # killed before it could be marked
            return study, True
        if not _is_leftover(there, snapshot, target):
            rule, got = f"hold no study named {snapshot.name!r} yet", len(there.trials)
            way_out = "Name another database, or another study (--name)"
            raise StorageError(
                fault("TO", rule, f"one of {got} trials", where=target.shown, way_out=way_out)
            )
        optuna.delete_study(study_name=snapshot.name, storage=storage)
        redone = True
    directions = list(snapshot.directions)
    made = optuna.create_study(storage=storage, study_name=snapshot.name, directions=directions)
    return made, redone


def _is_leftover(there: Snapshot, snapshot: Snapshot, target: StorageUrl) -> bool:
    """Whether a study is an unfinished copy that has not been resumed."""
    if not there.ours:
        return there.marked
    # A process killed between the last two writes leaves a complete study, which may have been
    # resumed since.
    same = next(differences(snapshot, there, target), None) is None
    return there.marked and there.driver is None and same


def _fill(study: optuna.Study, snapshot: Snapshot, target: StorageUrl) -> None:
    """Write everything but the last attribute."""
    storage, study_id = study._storage, study._study_id  # noqa: SLF001 - as Optuna's copy_study
    for key, value in snapshot.system_attrs.items():
        storage.set_study_system_attr(study_id, key, value)
    for key, value in snapshot.lasting_attrs.items():
        if key not in (_LAST, COPYING):
            study.set_user_attr(key, value)
    said = time.monotonic()
    for trial in snapshot.trials:
        if time.monotonic() - said > _SAY_SECONDS:
            said = time.monotonic()
            log.info("%d of %d trials are copied", trial.number, len(snapshot.trials))
        # add_trial would refuse trials that a study may hold, such as one queued with a value
        # outside its range.
        try:
            storage.create_new_trial(study_id, template_trial=trial)
        except ValueError as error:
            rule = "be one that the target can keep"
            shown = target.shown
            raise StorageError(
                fault(f"trial {trial.number}", rule, str(error), where=shown)
            ) from error


def _finish(study: optuna.Study, snapshot: Snapshot, target: StorageUrl) -> None:
    """Compare the copy, write the last attribute, and remove the mark."""
    refuse_differences(snapshot, _seen_anew(study, target), target, without=(_LAST, COPYING))
    lasting = snapshot.lasting_attrs
    if _LAST in lasting:
        study.set_user_attr(_LAST, lasting[_LAST])
    study.set_user_attr(COPYING, lasting.get(COPYING))
    refuse_differences(snapshot, _seen_anew(study, target), target)


def _seen_anew(study: optuna.Study, target: StorageUrl) -> Snapshot:
    """The study as stored; the storage that wrote it would answer from its cache."""
    with closing(open_storage(target, make=False)) as storage:
        return Snapshot.of(optuna.load_study(study_name=study.study_name, storage=storage))


def _notes(snapshot: Snapshot, source: StorageUrl) -> Iterator[str]:
    """Notes for the user of the copy."""
    driver = snapshot.driver
    if driver is not None and not driver.provably_dead():
        yield (
            f"{driver} drives the source: trials that ran are RUNNING in the copy, and whoever "
            "resumes it closes them as interrupted"
        )
    elsewhere = snapshot.user_attrs.get("files") if snapshot.ours else None
    folder = source.files / folder_name(snapshot.name)
    if not elsewhere and folder.is_dir() and any(folder.iterdir()):
        files = Path(source.files).absolute()
        yield f"checkpoints and adapters in {folder} are not copied (resume with --files {files})"
    times = snapshot.times_note(source)
    if times is not None:
        yield times


@contextlib.contextmanager
def _called(name: str) -> Iterator[None]:
    """Name the database in errors as on the command line, as there are two."""
    try:
        yield
    except StorageError as error:
        message = str(error)
        if not message.startswith("--storage "):
            raise
        raise type(error)(name + message.removeprefix("--storage")) from error
