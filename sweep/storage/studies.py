"""Studies in their database, and the attributes stored with them.

A study's user attributes hold what a resume needs: ``spec`` and ``spec_digest``, the ``points`` of
its design, ``fingerprints`` of the inputs' content, package ``versions``, the objective's info
``about`` its inputs and what it ``measures``, measured ``baselines``, the ``history`` of its space
and claims, the folders of its ``code``, and the lease of its ``owner``.
"""

from __future__ import annotations

import contextlib
import logging
import platform
import secrets
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from sweep._typing import JsonTree
from sweep.errors import ResumeError, SpecError, StorageError, fault
from sweep.storage.attributes import is_ours, own_attributes
from sweep.storage.database import exists, open_storage
from sweep.storage.errors import storage_errors
from sweep.storage.url import StorageUrl
from sweep.study.design import PILOT_SUFFIX, Point
from sweep.study.measures import Measures
from sweep.study.objective import ObjectiveInfo
from sweep.study.parameters import is_number
from sweep.study.source import GRANTS, Source
from sweep.study.spec import StudySpec, differences

log = logging.getLogger("lorasweep")

PINNED = "pinned"
"""The attribute that stores ``ObjectiveInfo.pinned``."""

CODE = "code"
"""The attribute that stores the folders of the study's code; see ``sweep.study.source``."""

MEASURES = "measures"
"""The attribute that stores ``ObjectiveInfo.measures``; absent if the objective told none."""

SCHEMA = 4
"""Version of the attributes, raised when an older lorasweep would misread them.

Version 4 added pinned settings, which an older lorasweep would choose anew, and the study's id,
without which it would not find the study's files.
"""

_IDENTITY = "id"


def study_names(storage: BaseStorage) -> list[str]:
    """The names of a database's studies, sorted."""
    return sorted(study.study_name for study in storage.get_all_studies())


def open_study(address: StorageUrl, name: str | None = None) -> optuna.Study:
    """Open an existing study, made by lorasweep or not; creates nothing.

    Args:
        address: the database.
        name: the study; optional if the database holds one study, or one and its pilot.

    Raises:
        StorageError: if the file or the study is missing.
    """
    if not exists(address):
        if address.path is not None and not address.path.is_file():
            rule, way_out = "name an existing file", "Check the path"
        else:
            rule, way_out = "hold a study", "If a sweep has just begun, ask again in a moment"
        raise StorageError(fault("--storage", rule, address.shown, way_out=way_out))
    storage = open_storage(address, make=False)
    with storage_errors(address):
        names = study_names(storage)
        meant = [each for each in names if each.removesuffix(PILOT_SUFFIX) not in {*names} - {each}]
        if name is None and len(meant) != 1:
            among = ", ".join(names) or "there are none"
            rule = f"name one of the {len(names)} studies: {among}"
            raise StorageError(fault("--name", rule, name, where=address.shown))
        chosen = meant[0] if name is None else name
        if chosen not in names:
            rule = f"be one of {', '.join(names) or '(no study)'}"
            raise StorageError(fault("--name", rule, chosen, where=address.shown))
        return optuna.load_study(study_name=chosen, storage=storage)


def open_known(address: StorageUrl, name: str | None = None) -> optuna.Study:
    """Open an existing study, made by lorasweep or not, unless a newer lorasweep wrote it.

    Raises:
        StorageError: as ``open_study`` and ``load_study``.
    """
    study = open_study(address, name)
    with storage_errors(address):
        if is_ours(study):
            _refuse_newer(study, address)
    return study


def load_study(address: StorageUrl, name: str | None = None) -> optuna.Study:
    """Open an existing study made by lorasweep; creates nothing.

    Raises:
        StorageError: if the file, the study or lorasweep's attributes are missing, or a newer
            lorasweep wrote them.
    """
    study = open_study(address, name)
    with storage_errors(address):
        _refuse_other_makers(study, address)
    return study


def _refuse_other_makers(study: optuna.Study, address: StorageUrl) -> None:
    if not is_ours(study):
        rule, got = "have been made by lorasweep", study.study_name
        way_out = "Studies of plain Optuna, and copies not finished, hold no spec"
        raise StorageError(fault("the study", rule, got, where=address.shown, way_out=way_out))
    _refuse_newer(study, address)


def _refuse_newer(study: optuna.Study, address: StorageUrl) -> None:
    schema = study.user_attrs.get("schema", 0)
    if schema > SCHEMA:
        rule = f"have been written by this lorasweep or an older one (schema {SCHEMA})"
        way_out = "Upgrade lorasweep"
        raise StorageError(fault("the study", rule, schema, where=address.shown, way_out=way_out))


def find_study(address: StorageUrl, name: str) -> optuna.Study | None:
    """The study if it exists and was made by lorasweep; None otherwise."""
    try:
        return load_study(address, name)
    except StorageError:
        return None


def read_spec(study: optuna.Study) -> StudySpec:
    """The spec that a study was made from."""
    return StudySpec.from_json(study.user_attrs["spec"])


def read_measures(study: optuna.Study) -> Measures | None:
    """What a study's objective measures; None of a study that does not store it.

    Raises:
        StorageError: if what is stored is not of that form.
    """
    stored = own_attributes(study).get(MEASURES)
    if stored is None:
        return None
    try:
        return Measures.from_json(stored)
    except SpecError as error:
        raise StorageError(str(error)) from error


def read_source(study: optuna.Study) -> Source:
    """The folders of a study's code; unknown for a study older than that attribute."""
    return Source.from_json(study.user_attrs.get(CODE))


def write_source(study: optuna.Study, source: Source) -> None:
    """Store the folders of a study's code."""
    if study.user_attrs.get(CODE) != source.to_json():
        study.set_user_attr(CODE, source.to_json())


def read_identity(study: optuna.Study) -> str:
    """The id of a study, unlike its name unique; empty for a study older than ids."""
    return str(study.user_attrs.get(_IDENTITY, ""))


def read_points(study: optuna.Study) -> tuple[Point, ...]:
    """The runs of a study's design, in order, as stored when it was made."""
    return tuple(map(Point.from_json, study.user_attrs.get("points", ())))


def create_or_resume(address: StorageUrl, spec: StudySpec, facts: ObjectiveInfo) -> optuna.Study:
    """Open the spec's study, or create it; call while holding ``storage_lock``.

    Args:
        address: the database; a missing folder of its file is created.
        spec: what to measure.
        facts: the objective's info, with fingerprints of the inputs.

    Raises:
        ResumeError: if the study was made from another spec, or its inputs had other contents;
            lists all differences.
        StorageError: if the database cannot be used.
    """
    exists(address)  # refuses another program's database
    storage = open_storage(address, make=True)
    with storage_errors(address):
        direction = StudyDirection[spec.direction.upper()]
        if spec.name in study_names(storage):
            study = optuna.load_study(study_name=spec.name, storage=storage)
            if "spec" in study.user_attrs or study.get_trials(deepcopy=False):
                _refuse_other_makers(study, address)
                _refuse_differences(study, spec, facts, address)
                return study
            if study.direction == direction:
                # the process that created it was killed before it wrote the spec
                return study
            optuna.delete_study(study_name=spec.name, storage=storage)
        return optuna.create_study(storage=storage, study_name=spec.name, direction=direction)


def _no_points(spec: StudySpec) -> Iterable[Point]:
    raise ValueError(f"the runs of {spec.name}'s design must be laid out to be stored")


def write_spec(
    study: optuna.Study,
    spec: StudySpec,
    facts: ObjectiveInfo,
    points: Callable[[StudySpec], Iterable[Point]] = _no_points,
) -> None:
    """Store what a resume needs; later runs update budget, inputs and versions.

    Other package versions are allowed, with a warning. The spec is written last, so its presence
    shows that the rest is complete. Pinned settings are stored when the study begins and never
    changed.

    Args:
        study: the study in its storage.
        spec: the spec of this run.
        facts: the objective's info.
        points: lays out the runs of the spec's design; called once per study.
    """
    versions = {**_own_versions(), **facts.versions}
    changed = differences(study.user_attrs.get("versions", versions), versions)
    if changed:
        log.warning("package versions differ from the last run's: %s", "; ".join(changed))
    study.set_user_attr("schema", SCHEMA)
    study.set_user_attr("fingerprints", dict(facts.fingerprints))
    study.set_user_attr("about", dict(facts.about))
    if facts.metrics:
        study.set_user_attr(MEASURES, facts.measures.to_json())
    study.set_user_attr("versions", versions)
    study.set_user_attr("spec_digest", spec.digest())
    if "spec" not in study.user_attrs:
        study.set_user_attr(PINNED, dict(facts.pinned))
        if not read_identity(study):
            study.set_user_attr(_IDENTITY, secrets.token_hex(6))
    _note_claims(study, spec)
    if spec.design is not None and "points" not in study.user_attrs:
        # Another version of a library might lay out other runs in the middle of a study.
        study.set_user_attr("points", [point.to_json() for point in points(spec)])
    study.set_user_attr("spec", spec.to_json())


def _note_claims(study: optuna.Study, spec: StudySpec) -> None:
    """Record in a study's history that its claims are about to become the spec's, if they change.

    A claim is pre-registered unless an entry says that it came after the first complete trial.
    """
    stored = study.user_attrs.get("spec")
    if stored is None:  # a new study
        return
    before, after = list(stored.get("claims", ())), spec.to_json()["claims"]
    changes = _claim_changes(before, after)
    history = list(study.user_attrs.get("history", ()))
    said = [(entry.get("before"), entry.get("after")) for entry in history[-1:]]
    if not changes or (before, after) in said:  # said by a driver killed before it wrote the spec
        return
    trials = study.get_trials(deepcopy=False)
    entry = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "from": spec.digest(),
        "to": spec.digest(),
        "changes": changes,
        "n_trials": len(trials),
        "n_complete": sum(trial.state == TrialState.COMPLETE for trial in trials),
        "before": before,
        "after": after,
    }
    study.set_user_attr("history", [*history, entry])


def _claim_changes(before: Sequence[JsonTree], after: Sequence[JsonTree]) -> list[str]:
    """The differences between two lists of claims, one line each; order does not matter."""
    old, new = ({str(claim["says"]): claim for claim in claims} for claims in (before, after))
    gone = [f"- {says}" for says in old if says not in new]
    come = [f"+ {says} ({_sizes(new[says])})" for says in new if says not in old]
    stay = [
        f"{says}: {', '.join(changed)}"
        for says in old
        if says in new and (changed := differences(old[says], new[says]))
    ]
    return [*gone, *come, *stay]


def _sizes(claim: JsonTree) -> str:
    return f"delta {claim['delta']}, kappa {claim['kappa']}"


def _own_versions() -> dict[str, str]:
    return {
        "lorasweep": metadata.version("lorasweep"),
        "optuna": optuna.__version__,
        "python": platform.python_version(),
    }


def _refuse_differences(
    study: optuna.Study, spec: StudySpec, facts: ObjectiveInfo, address: StorageUrl
) -> None:
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
            f"difference{'s' if len(found) > 1 else ''} ({address.shown}):\n{listed}\n"
            "Restore what changed, extend the study (lorasweep extend), or give it another name "
            "(--name) or --storage."
        )


def count_states(trials: Sequence[FrozenTrial]) -> dict[str, int]:
    """Number of trials per Optuna state, including states without trials."""
    counts = Counter(trial.state.name for trial in trials)
    return {state.name: counts[state.name] for state in TrialState}


def best_trial(trials: Sequence[FrozenTrial], spec: StudySpec) -> FrozenTrial | None:
    """The complete trial with the best value, the earliest of equals; None without one."""
    complete = [t for t in trials if t.state == TrialState.COMPLETE and is_number(t.value)]
    sign = 1.0 if spec.direction == "maximize" else -1.0
    return max(complete, key=lambda t: (sign * float(t.value or 0.0), -t.number), default=None)


def baselines(study: optuna.Study) -> dict[str, Mapping[str, Any]]:
    """The measured baselines by ``name/replicate``."""
    return {
        key.removeprefix("baseline:"): value
        for key, value in own_attributes(study).items()
        if key.startswith("baseline:")
    }


@contextlib.contextmanager
def quiet_optuna() -> Iterator[None]:
    """Hide Optuna's log lines per trial and its experimental warnings."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield
    optuna.logging.set_verbosity(level)


def known_pins(address: StorageUrl, spec: StudySpec) -> dict[str, Any] | None:
    """The pinned settings of the spec's study; None if there is no such study yet."""
    study = find_study(address, spec.name)
    return None if study is None else read_pins(study)


def read_pins(study: optuna.Study) -> dict[str, Any]:
    """A study's pinned settings; empty for a study older than that attribute."""
    return dict(own_attributes(study).get(PINNED, {}))


def pinned(spec: StudySpec, pins: Mapping[str, Any]) -> StudySpec:
    """The spec with its open settings fixed to the pinned values.

    Raises:
        StorageError: if the database pins a permission, such as one to run code from files, which
            only a user may grant.
    """
    for name in GRANTS:
        if name in pins:
            rule, where = "not be decided by a database", f"pinned by study {spec.name!r}"
            raise StorageError(fault(name, rule, pins[name], where=where))
    return spec.with_changes(settings=pins)
