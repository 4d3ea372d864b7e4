"""Studies in their database. Only the driver process opens it.

Beside Optuna's own rows a study holds, as user attributes, everything a resume
needs: ``spec`` and ``spec_digest``, ``fingerprints`` of the inputs' content, package
``versions``, what the objective said ``about`` its inputs, measured ``baselines``,
and the ``owner`` that drives it.
"""

from __future__ import annotations

import contextlib
import logging
import platform
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
import sqlalchemy.engine
import sqlalchemy.exc
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from sweep.errors import ResumeError, StorageError, fault
from sweep.objective import Facts
from sweep.spec import StudySpec, differences

log = logging.getLogger("lorasweep")

SCHEMA = 1
"""Version of the attributes below; raised when their meaning changes."""

LOCK_SECONDS = 60
"""How long to wait for SQLite's write lock; Python's default of 5 s is too short for a reader."""


def default_url(name: str) -> str:
    """Where a study goes when nobody says otherwise."""
    return f"sqlite:///runs/{name}/study.db"


def sqlite_path(url: str) -> Path | None:
    """The file behind a SQLite URL; None for other databases and for ``:memory:``."""
    try:
        parsed = sqlalchemy.engine.make_url(url)
    except sqlalchemy.exc.ArgumentError as error:
        raise StorageError(
            fault("--storage", "be a database URL", url, way_out="Write 'sqlite:///study.db'")
        ) from error
    if not parsed.drivername.startswith("sqlite") or parsed.database in (None, "", ":memory:"):
        return None
    return Path(str(parsed.database))


def _engine_options(url: str) -> dict[str, Any]:
    if sqlite_path(url) is None:
        return {"pool_pre_ping": True}
    return {"connect_args": {"timeout": LOCK_SECONDS}}


def _unusable(url: str, error: Exception) -> StorageError:
    first = str(error).splitlines()[0]
    return StorageError(fault("--storage", "be a database that opens", url, where=first))


def _open(url: str) -> RDBStorage:
    try:
        return RDBStorage(url, engine_kwargs=_engine_options(url))
    except (sqlalchemy.exc.SQLAlchemyError, ImportError, RuntimeError) as error:
        raise _unusable(url, error) from error


def _made(url: str) -> bool:
    """Whether Optuna has finished making its tables there.

    Opening a database makes what is missing. Whoever looks at one in the moment it is made
    would race its maker, whose sweep then dies of "table already exists".
    """
    try:
        options = _engine_options(url) | {"poolclass": sqlalchemy.NullPool}
        engine = sqlalchemy.create_engine(url, **options)
        with contextlib.closing(engine.connect()) as connection:
            # Its one row is the last thing that Optuna writes.
            query = sqlalchemy.text("select count(*) from alembic_version")
            try:
                return bool(connection.execute(query).scalar())
            except (sqlalchemy.exc.OperationalError, sqlalchemy.exc.ProgrammingError):
                return False  # no such table, yet
    except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
        raise _unusable(url, error) from error


def _names(storage: RDBStorage) -> list[str]:
    return sorted(study.study_name for study in storage.get_all_studies())


def load_study(url: str, name: str | None = None) -> optuna.Study:
    """Open a study that exists, creating nothing.

    Args:
        url: the database.
        name: the study; may be left out when the database holds one study.

    Raises:
        StorageError: if the file, the study or our attributes are missing.
    """
    path = sqlite_path(url)
    if path is not None and not path.is_file():
        raise StorageError(
            fault("--storage", "name an existing file", str(path), way_out="Check the path")
        )
    if not _made(url):
        way_out = "If a sweep has just begun, ask again in a moment"
        raise StorageError(fault("--storage", "hold a study", url, way_out=way_out))
    storage = _open(url)
    names = _names(storage)
    if name is None and len(names) != 1:
        raise StorageError(
            fault(
                "--name",
                f"name one of the {len(names)} studies: {', '.join(names) or 'there are none'}",
                name,
                where=url,
            )
        )
    chosen = names[0] if name is None else name
    if chosen not in names:
        raise StorageError(
            fault("--name", f"be one of {', '.join(names) or '(no study)'}", chosen, where=url)
        )
    study = optuna.load_study(study_name=chosen, storage=storage)
    if "spec" not in study.user_attrs:
        raise StorageError(
            fault(
                "the study",
                "have been made by lorasweep",
                chosen,
                where=url,
                way_out="Studies of plain Optuna hold no spec to resume from",
            )
        )
    return study


def find_study(url: str, name: str) -> optuna.Study | None:
    """The study if it is there and was made by lorasweep; None otherwise."""
    try:
        return load_study(url, name)
    except StorageError:
        return None


def read_spec(study: optuna.Study) -> StudySpec:
    """The spec that a study was made from."""
    return StudySpec.from_json(study.user_attrs["spec"])


def create_or_resume(url: str, spec: StudySpec, facts: Facts) -> optuna.Study:
    """Open the spec's study, making it when it is not there.

    Args:
        url: the database; a SQLite file's folder is made if missing.
        spec: what to measure.
        facts: what the inputs hold.

    Raises:
        ResumeError: if the study was made from another spec, or its inputs held something
            else; each difference is named.
        StorageError: if the database cannot be used.
    """
    path = sqlite_path(url)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    storage = _open(url)
    if spec.name not in _names(storage):
        direction = StudyDirection[spec.direction.upper()]
        optuna.create_study(storage=storage, study_name=spec.name, direction=direction)
    study = optuna.load_study(study_name=spec.name, storage=storage)
    if "spec" in study.user_attrs:
        _refuse_differences(study, spec, facts, url)
    elif study.get_trials(deepcopy=False):
        raise StorageError(fault("the study", "have been made by lorasweep", spec.name, where=url))
    return study


def write_spec(study: optuna.Study, spec: StudySpec, facts: Facts) -> None:
    """Store what a resume needs; later runs renew budget, inputs and versions.

    Other package versions are allowed (a study may outlive them) but said aloud.
    The spec goes last: its presence says that the rest is there.
    """
    versions = {**own_versions(), **facts.versions}
    changed = differences(study.user_attrs.get("versions", versions), versions)
    if changed:
        log.warning("package versions differ from the last run's: %s", "; ".join(changed))
    study.set_user_attr("schema", SCHEMA)
    study.set_user_attr("fingerprints", dict(facts.fingerprints))
    study.set_user_attr("about", dict(facts.about))
    study.set_user_attr("versions", versions)
    study.set_user_attr("spec_digest", spec.digest())
    study.set_user_attr("spec", spec.to_json())


def own_versions() -> dict[str, str]:
    """The versions of what the framework itself stands on."""
    return {
        "lorasweep": metadata.version("lorasweep"),
        "optuna": optuna.__version__,
        "python": platform.python_version(),
    }


def _refuse_differences(study: optuna.Study, spec: StudySpec, facts: Facts, url: str) -> None:
    stored = read_spec(study)
    found = differences(stored.identity(), spec.identity())
    for name, before in study.user_attrs["fingerprints"].items():
        after = facts.fingerprints.get(name)
        if after != before:
            where = f"{stored.inputs.get(name)} -> {spec.inputs.get(name)}"
            found.append(f"{name}: content {before} -> {after} ({where})")
    if found:
        listed = "\n".join(f"  {line}" for line in found)
        raise ResumeError(
            f"study {spec.name!r} must go on as it was made, got {len(found)} "
            f"difference{'s' if len(found) > 1 else ''} ({url}):\n{listed}\n"
            "Restore what changed, or give the study another name (--name) or --storage."
        )


def count_states(trials: Sequence[FrozenTrial]) -> dict[str, int]:
    """Number of trials by Optuna state, every state named."""
    counts = Counter(trial.state.name for trial in trials)
    return {state.name: counts[state.name] for state in TrialState}


def baselines(study: optuna.Study) -> dict[str, Mapping[str, Any]]:
    """The measured baselines by ``name/replicate``."""
    return {
        key.removeprefix("baseline:"): value
        for key, value in study.user_attrs.items()
        if key.startswith("baseline:")
    }


@contextlib.contextmanager
def quiet_optuna() -> Iterator[None]:
    """Keep Optuna's per-trial log lines and experimental notices from the terminal."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield
    optuna.logging.set_verbosity(level)
