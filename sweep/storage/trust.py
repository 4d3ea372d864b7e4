"""The studies that this user trusts on this machine: a database names code to run.

A resume imports the objective that the database names, from a folder that it names, and its
settings may allow pickles or a base model's code. Studies that this user ran here, and lorasweep's
own objectives, are trusted; any other needs the user's consent once. Trust is a file outside the
database, named by a digest of all that decides which code runs on what.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import optuna
import platformdirs

from sweep.errors import UsageError, fault
from sweep.storage.errors import storage_errors
from sweep.storage.studies import find_study, read_source, read_spec
from sweep.storage.trial_folders import files_of
from sweep.storage.url import StorageUrl
from sweep.study.source import GRANTS, Source, folder_of, is_own
from sweep.study.spec import StudySpec

log = logging.getLogger("lorasweep")


def digest(spec: StudySpec, address: StorageUrl, source: Source, files: str) -> str:
    """A digest, as 64 hexadecimal digits, of all that decides which code a study runs on what.

    Args:
        spec: the study's spec.
        address: its database.
        source: the folders of its code.
        files: where its trials keep files; empty for beside the database.
    """
    place = address.shown if address.path is None else str(address.path.resolve())
    inputs = dict(spec.inputs)
    whole = [place, spec.name, spec.objective, source.to_json(), spec.digest(), inputs, files]
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def remember(spec: StudySpec, address: StorageUrl, source: Source, files: str) -> None:
    """Trust a study from now on; a study with lorasweep's own code alone needs no trust.

    If that cannot be stored, a warning is logged and a resume will ask again. The arguments are
    those of ``digest``.
    """
    if is_own(spec.objective) and not source.objective and not _granted(spec.settings):
        return
    path = _path(digest(spec, address, source, files))
    text = f"{spec.name}\n{address.shown}\n{spec.objective}\n"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError as error:
        text = "cannot remember that study %r is trusted, a resume will ask for it: %s: %s"
        log.warning(text, spec.name, path.parent, error.strerror)


def trust_again(address: StorageUrl, name: str) -> None:
    """Trust a trusted study as it is now, after this user has changed it."""
    study = find_study(address, name)
    if study is not None:
        remember(*_said(study, address))


def carry(name: str, source: StorageUrl, target: StorageUrl) -> None:
    """Trust the copy of a trusted study."""
    made = find_study(source, name)
    if made is not None and _is_remembered(made, source):
        trust_again(target, name)


def require(
    study: optuna.Study, address: StorageUrl, granted: Mapping[str, bool], *, trusted: bool
) -> bool:
    """Allow a study's code to be imported, with its folders on ``sys.path``, or refuse it.

    Args:
        study: made by lorasweep.
        address: its database.
        granted: which of ``GRANTS`` the command line gives.
        trusted: whether the command line gives ``--trust-study``.

    Returns:
        Whether the study is trusted and its folders are on ``sys.path``. Otherwise its objective is
        lorasweep's own and has the permissions it needs.

    Raises:
        UsageError: if the study is not trusted.
        StorageError: if the database cannot be read.
    """
    with storage_errors(address):
        spec, _, source, files = _said(study, address)
        remembered = _is_remembered(study, address)
    wanted = _granted(spec.settings)
    needless = [name for name, given in granted.items() if given and name not in wanted]
    if needless:
        rule, where = "be given only for a study that was made with it", address.shown
        raise UsageError([fault(_option(name), rule, spec.name, where=where) for name in needless])
    if trusted:
        remember(spec, address, source, files)
    elif not remembered:
        faults = _distrust(spec, source, address)
        faults += [_lacking(name, spec, address) for name in wanted if not granted.get(name)]
        if faults:
            raise UsageError(faults)
        return False
    source.put_on_path(spec.objective)
    return True


def _distrust(spec: StudySpec, source: Source, address: StorageUrl) -> list[str]:
    """Why the study's objective is not imported; empty if it is lorasweep's own."""
    if is_own(spec.objective) and not source.objective:
        return []
    folder = source.objective or folder_of(spec.objective) or source.study or "an unknown folder"
    rule = "be trusted before it is imported: this study was not run before by you on this machine"
    where = f"from {folder}; study {spec.name!r} in {address.shown}"
    way_out = "If you trust that code and the maker of the database, add --trust-study once"
    return [fault("the objective", rule, spec.objective, where=where, way_out=way_out)]


def _lacking(name: str, spec: StudySpec, address: StorageUrl) -> str:
    where = f"study {spec.name!r} in {address.shown}"
    rule = "be allowed on the command line, too"
    way_out = f"Add {_option(name)} if you trust its data and base, or --trust-study once"
    return fault(f"the setting {name}", rule, True, where=where, way_out=way_out)


def _granted(settings: Mapping[str, Any]) -> list[str]:
    """The names in ``GRANTS`` that the settings turn on."""
    return [name for name in GRANTS if settings.get(name)]


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _path(name: str) -> Path:
    return platformdirs.user_state_path("lorasweep", appauthor=False) / "trusted" / name


def _said(study: optuna.Study, address: StorageUrl) -> tuple[StudySpec, StorageUrl, Source, str]:
    """The attributes of a study that decide which code it runs."""
    return read_spec(study), address, read_source(study), files_of(study)


def _is_remembered(study: optuna.Study, address: StorageUrl) -> bool:
    """Whether the study's file exists, and it and its folder belong to this user."""
    path = _path(digest(*_said(study, address)))
    with suppress(OSError):
        owners = {path.lstat().st_uid, path.parent.stat().st_uid}
        return not hasattr(os, "getuid") or owners == {os.getuid()}
    return False
