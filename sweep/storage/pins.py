"""Settings that a study's first machine decided, for all the machines after it.

What a study leaves to the machine (``auto``) may come out otherwise on another one. Where trials
would then not compare, the objective says what it is here (``Facts.pinned``), and the study keeps
that beside its spec, which says ``auto`` still: its digest does not depend on the machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import optuna

from sweep.errors import StorageError, fault
from sweep.source import GRANTS
from sweep.spec import StudySpec
from sweep.storage.address import Address
from sweep.storage.makers import told
from sweep.storage.studies import PINNED, find_study


def known_pins(address: Address, spec: StudySpec) -> dict[str, Any] | None:
    """What the spec's study keeps to; None if it has yet to begin, empty if it left nothing open.

    Raises:
        StorageError: if the database cannot be read.
    """
    study = find_study(address, spec.name)
    return None if study is None else read_pins(study)


def read_pins(study: optuna.Study) -> dict[str, Any]:
    """What a study keeps to; empty for one from before there were pins."""
    return dict(told(study).get(PINNED, {}))


def pinned(spec: StudySpec, pins: Mapping[str, Any]) -> StudySpec:
    """A spec to build the objective of, with nothing left open that is decided.

    Raises:
        StorageError: if the database decides what files may do, which no machine ever decides.
    """
    for name in GRANTS:
        if name in pins:
            rule, where = "not be decided by a database", f"pinned by study {spec.name!r}"
            raise StorageError(fault(name, rule, pins[name], where=where))
    return spec.with_changes(settings=pins)
