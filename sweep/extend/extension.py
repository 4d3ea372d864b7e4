"""Extend a study: work the new spec out, have the objective check it, migrate."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import optuna

from sweep.errors import StorageError, UsageError, fault
from sweep.extend.migration import engine_of, migrate
from sweep.extend.request import Request, extended
from sweep.interrupts import Interrupts
from sweep.launch import LocalLauncher
from sweep.objective import Facts
from sweep.owner import claim, release
from sweep.spec import StudySpec
from sweep.storage import (
    Address,
    create_or_resume,
    exclusive,
    load_study,
    one_file,
    read_spec,
    storage_errors,
)

_WAY_OUT = (
    "Add --add-target LABEL=SET, --add-choice PARAM=VALUE or --widen PARAM=LOW:HIGH; "
    "each may be repeated"
)


def extend(
    address: Address,
    name: str | None,
    request: Request,
    *,
    inputs: Mapping[str, str] | None = None,
    take_over: bool = False,
) -> dict[str, Any]:
    """Give a study more choices or wider ranges; its trials are kept.

    Until the last moment nothing is written, and then all of it at once.

    Args:
        address: its database; a journal is refused.
        name: the study; may be left out when the database holds one study.
        request: what to add.
        inputs: where the objective's inputs are now, if they were moved.
        take_over: even if another process seems to drive the study.

    Returns:
        ``study``, ``storage`` and ``history``, which holds this extension's entry alone.

    Raises:
        UsageError: if nothing is to be added.
        SpecError: if what is to be added breaks a rule; all faults at once.
        ResumeError: if the inputs hold something else than the study was made with.
        StorageError: if the database cannot be used, or the study has a driver.
        Interruption: if a signal asked to end; the study is as it was.
    """
    if not request:
        raise UsageError(fault("extend", "be told what to add", "nothing", way_out=_WAY_OUT))
    _refuse_journal(address)
    study = load_study(address, name)
    with contextlib.closing(_Connections(study, address)), storage_errors(address):
        before = read_spec(study).with_changes(inputs=inputs)
    space, changes = extended(before.space, request)
    after = replace(before, space=space)
    with Interrupts() as interrupts:
        facts = _checked(after, interrupts)
        interrupts.check()  # from here on it takes a moment, and is done or not
        entry = apply(address, before, after, facts, changes, take_over=take_over)
    return {"study": before.name, "storage": address.shown, "history": [entry]}
