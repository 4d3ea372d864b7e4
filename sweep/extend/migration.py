"""Migrate a study to an extended space in one SQL transaction.

Optuna refuses a new choice in a stored parameter, and accepts a wider range silently; its samplers
and importances then drop that parameter, since all trials of a study must agree on it. So the
distribution stored with each trial is updated together with the spec. Values are unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import optuna
import sqlalchemy
from optuna.distributions import distribution_to_json, json_to_distribution
from sqlalchemy import Connection, Engine, column, select, table

from sweep.errors import StorageError, fault
from sweep.sampling.distinct import distributions
from sweep.study.space import Space
from sweep.study.spec import StudySpec

_ATTRIBUTES = table(
    "study_user_attributes", column("study_id"), column("key"), column("value_json")
)
_TRIALS = table("trials", column("trial_id"), column("study_id"))
_PARAMS = table(
    "trial_params", column("trial_id"), column("param_name"), column("distribution_json")
)


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
    """Replace the distributions stored with all trials, whatever their state.

    A distribution that is not the old space's (of a trial added by hand) is unchanged.
    """
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
