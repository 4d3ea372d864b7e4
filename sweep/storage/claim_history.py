"""The history of a study's claims: they may be changed, and each change is recorded.

A claim is pre-registered if it was in the study before the first trial was complete, that is, if no
entry of the history says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import optuna
from optuna.trial import TrialState

from sweep._typing import JsonTree
from sweep.study.spec import StudySpec, differences


def note_claims(study: optuna.Study, spec: StudySpec) -> None:
    """Record in a study's history that its claims are about to become the spec's.

    Nothing is recorded for a new study, for unchanged claims, or if a driver that was killed before
    it wrote the spec has recorded the same change.
    """
    stored = study.user_attrs.get("spec")
    if stored is None:
        return
    before, after = list(stored.get("claims", ())), spec.to_json()["claims"]
    changes = claim_changes(before, after)
    history = list(study.user_attrs.get("history", ()))
    said = [(entry.get("before"), entry.get("after")) for entry in history[-1:]]
    if not changes or (before, after) in said:
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


def claim_changes(before: Sequence[JsonTree], after: Sequence[JsonTree]) -> list[str]:
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
