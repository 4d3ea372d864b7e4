"""A study that changes: how to tell, and what to draw of it meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import optuna

from sweep.findings import Inquiry
from sweep.owner import holder
from sweep.report.gather import report_tree
from sweep.storage import Address, storage_errors


def state_of(study: optuna.Study, address: Address) -> object:
    """What differs whenever a trial begins, reports or ends, or the driver comes or goes."""
    with storage_errors(address):
        trials = study.get_trials(deepcopy=False)
        owner = holder(study)
    driven = owner is not None and not owner.provably_dead()
    return driven, tuple((t.state, len(t.intermediate_values)) for t in trials)


def gatherer(study: optuna.Study, address: Address, *, quick: bool) -> Callable[[], dict[str, Any]]:
    """A function that gathers the study's tree; cross-checks wait until nobody drives it."""

    def gather() -> dict[str, Any]:
        owner = holder(study)
        driven = owner is not None and not owner.provably_dead()
        return report_tree(study, address, Inquiry(quick=quick or driven))

    return gather
