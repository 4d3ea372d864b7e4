"""Ensure that two copies of one study do not use the same folder of trial files.

A copied database keeps the study's name and id, and the folder of its files if one was set. Each
driver writes a new token to both the study and the folder. It shows which of two copies used the
folder last, also on another machine.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna

from sweep.errors import ResumeError, fault
from sweep.files.location import Location, get_file, put_file
from sweep.storage.owner import DriverLease
from sweep.storage.url import StorageUrl

TOKENS = "files_tokens"
"""The study attribute that holds its tokens, newest first."""

MARK = "study.json"
"""The file in a study's folder that names the database using it."""

_MOST = 50
"""Number of tokens kept, so that a study may return to a folder it used before."""

log = logging.getLogger("lorasweep")


def take_folder(root: Location, study: optuna.Study, address: StorageUrl) -> None:
    """Claim a study's folder for this database, unless another copy of the study uses it.

    Args:
        root: the study's folder.
        study: the study, held by this process.
        address: its database.

    Raises:
        ResumeError: if another copy uses the folder.
    """
    mark = _read(root)
    here = _place_of(root, address)
    if mark is not None and mark.get("folder") == here["folder"] and not _same(mark, here):
        known = mark.get("token") in study.user_attrs.get(TOKENS, ())
        other = str(mark.get("database"))
        there = mark.get("machine") == here["machine"] and Path(other).is_file()
        if there or not known:
            way_out = (
                "Name another folder (--files); trials under way begin anew there. To keep what "
                "is there, copy the folder first"
            )
            rule = "be a folder that no other copy of the study uses"
            where = f"used from {other}"
            raise ResumeError(fault("--files", rule, str(root), where=where, way_out=way_out))
    renew(root, study, address)


def renew(root: Location, study: optuna.Study, address: StorageUrl) -> None:
    """Write a new token to the study and then to its folder."""
    token = secrets.token_hex(8)
    tokens = list(study.user_attrs.get(TOKENS, ()))
    study.set_user_attr(TOKENS, [token, *tokens][:_MOST])
    try:
        mark = json.dumps({"token": token, **_place_of(root, address)})
        put_file(root / MARK, mark.encode())
    except OSError as error:
        log.warning("%s cannot be written (%s)", root / MARK, error)


def _place_of(root: Location, address: StorageUrl) -> dict[str, str]:
    """The folder, the database and the machine, as stored in the folder's file."""
    database = address.shown if address.path is None else str(address.path.absolute())
    me = DriverLease.myself()
    return {"folder": str(root), "database": database, "machine": me.machine or me.host}


def _same(mark: Mapping[str, Any], here: Mapping[str, str]) -> bool:
    return all(mark.get(name) == here[name] for name in ("database", "machine"))


def _read(root: Location) -> Mapping[str, Any] | None:
    """The content of the folder's file; None if it is missing or cannot be read."""
    try:
        mark = json.loads(get_file(root / MARK))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        log.warning("%s cannot be read (%s)", root / MARK, error)
        return None
    return mark if isinstance(mark, Mapping) else None
