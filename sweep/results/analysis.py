"""What a study's trials say: its claims judged, and what mattered by every method, as one tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import optuna

from sweep.analysis.table import TrialTable
from sweep.errors import SpecError
from sweep.storage.makers import is_ours, told
from sweep.storage.studies import read_spec
from sweep.storage.url import StorageUrl
from sweep.study.claim import COUPLED, Claim

if TYPE_CHECKING:  # its package imports SciPy, which takes a second
    from sweep.analysis.importance.result import Method

OURS = Claim()
"""What is asked of a study that has the parameters for it and claims nothing."""

N_NULL = 100
"""Permutations behind what chance gives."""


@dataclass(frozen=True)
class AnalysisOptions:
    """What is asked of a study.

    Attributes:
        changes: fields of a claim that differ from the study's own first one.
        methods: ways to measure importance.
        n_draws: draws behind each probability.
        seed: of the draws, the forests and the bootstrap.
        quick: without cross-checks, which may veto, and without what chance gives.
    """

    changes: Mapping[str, Any] = field(default_factory=dict)
    methods: tuple[Method, ...] = ("fanova", "ped_anova")
    n_draws: int = 2000
    seed: int = 0
    quick: bool = False


def analyse_study(
    study: optuna.Study,
    address: StorageUrl,
    table: TrialTable,
    inquiry: AnalysisOptions = AnalysisOptions(),
) -> dict[str, Any]:
    """Judge every claim of a study, and measure importance beside it.

    Args:
        study: a study of lorasweep's, or of plain Optuna's.
        address: its database, for the tree.
        table: its trials.
        inquiry: what is asked.

    Returns:
        A JSON tree: the first claim's verdict, ``claims`` with all of them, and what
        ``ImportanceReport.to_json`` gives.

    Raises:
        SpecError: if a claim breaks a rule or names a parameter that the study lacks.
    """
    from sweep.analysis.importance.importance import (
        importance_report,  # scikit-learn takes seconds to import
    )
    from sweep.analysis.verdict.eligible_trials import measured_of

    claims, registered = claims_of(study, table, inquiry.changes)
    verdicts = _verdicts(table, claims, inquiry)
    found = importance_report(
        measured_of(table)[0],  # the trials that the verdict is about, and no others
        methods=inquiry.methods,
        seed=inquiry.seed,
        n_null=0 if inquiry.quick else N_NULL,
    )
    tree, first = found.to_json(), dict(verdicts[0])
    return {
        **first,
        "study": study.study_name,
        "storage": address.shown,
        "direction": table.direction,
        "history": told(study).get("history", []),
        "registered": registered,
        "claims": verdicts,
        "labels": table.space.labels(),
        **tree,
        "notes": [*first["notes"], *(n for n in tree["notes"] if n not in first["notes"])],
    }


def claims_of(
    study: optuna.Study, table: TrialTable, changes: Mapping[str, Any]
) -> tuple[tuple[Claim, ...], bool]:
    """The claims to judge, and whether they were written down before the first trial.

    Raises:
        SpecError: if the changed claim breaks a rule.
    """
    spec = read_spec(study) if is_ours(study) else None
    stored = () if spec is None else spec.claims
    if changes:
        claim = replace(stored[0] if stored else OURS, name="", **changes)
        faults = claim.faults("the claim")
        if faults:
            raise SpecError(faults)
        return (claim,), False
    if stored:
        late = [e for e in told(study).get("history", []) if e.get("n_complete", 0) > 0]
        return stored, not late
    names = set(table.space)
    fits = "targets" in names and "rank" in names and names & set(COUPLED[1:])
    return ((OURS,) if fits else ()), False


def _verdicts(
    table: TrialTable, claims: Sequence[Claim], inquiry: AnalysisOptions
) -> list[dict[str, Any]]:
    """Each claim's verdict; without a claim the effects alone, and the reason."""
    from sweep.analysis.verdict.result import Verdict
    from sweep.analysis.verdict.verdict import judge

    how: Mapping[str, Any] = {
        "n_draws": inquiry.n_draws,
        "seed": inquiry.seed,
        "cross_checks": not inquiry.quick,
    }
    if claims:
        return [judge(table, claim, **how).to_json() for claim in claims]
    names = tuple(table.space)
    reason = "No claim was named: say what dominates what (--dominant NAME --over NAME,NAME)."
    blank = Verdict(verdict="INCONCLUSIVE", claim=OURS, reason=reason, n_trials=len(table))
    if len(names) > 1:  # effects are the same whatever is claimed of them
        asked = Claim(names[0], names[1:], (), nuisances=())
        found = judge(table, asked, **{**how, "cross_checks": False})
        blank = replace(
            found,
            verdict="INCONCLUSIVE",
            reason=reason,
            parts=(),
            groups=(),
            notes=(),
            only_at=(),
            trials_needed=None,
        )
    return [{**blank.to_json(), "claim": None}]
