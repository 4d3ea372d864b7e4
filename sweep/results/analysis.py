"""Analysis of a stored study: verdicts on its claims and importance, as one JSON tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import optuna

from sweep.analysis.table import TrialTable
from sweep.errors import SpecError
from sweep.results.status import measures_of
from sweep.storage.attributes import is_ours, own_attributes
from sweep.storage.studies import read_spec
from sweep.storage.url import StorageUrl
from sweep.study.claim import COUPLED, Claim

if TYPE_CHECKING:  # imports SciPy, which takes a second
    from sweep.analysis.importance.result import Method

OURS = Claim()
"""Default claim for studies without claims that have the LoRA parameters."""

N_NULL = 100
"""Permutations for the null distribution of importance shares."""


@dataclass(frozen=True)
class AnalysisOptions:
    """Settings of an analysis.

    Attributes:
        changes: fields of the claim that replace those of the study's first claim.
        n_draws: pivotal draws per probability.
        seed: random seed of the draws, the forests and the bootstrap.
        quick: skip the cross-checks, which may veto, and the null distributions of importance.
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
    """Verdict on every claim of a study, and importance of its parameters.

    Args:
        study: a study created by lorasweep or by plain Optuna.
        address: its storage URL, which is included in the result.
        table: its trials.
        inquiry: settings of the analysis.

    Returns:
        JSON-serialisable data: the first claim's verdict, ``claims`` with all verdicts, and the
        fields of ``ImportanceReport.to_json``.

    Raises:
        SpecError: if a claim breaks a rule or names a parameter that the study lacks.
    """
    from sweep.analysis.importance.importance import importance_report
    from sweep.analysis.verdict.eligible_trials import measured_of

    claims, registered = claims_of(study, table, inquiry.changes)
    verdicts = _verdicts(table, claims, inquiry)
    found = importance_report(
        measured_of(table)[0],  # the same trials as the verdict
        methods=inquiry.methods,
        seed=inquiry.seed,
        n_null=0 if inquiry.quick else N_NULL,
    )
    tree, first = found.to_json(), dict(verdicts[0])
    return {
        **first,
        "study": study.study_name,
        "storage": address.shown,
        "value_name": _value_name(study),
        "direction": table.direction,
        "history": own_attributes(study).get("history", []),
        "registered": registered,
        "claims": verdicts,
        "labels": table.space.labels(),
        **tree,
        "notes": [*first["notes"], *(n for n in tree["notes"] if n not in first["notes"])],
    }


def _value_name(study: optuna.Study) -> str:
    """What the trials' values are, with their unit; empty if it is not stored."""
    metric = measures_of(study).value
    if not metric.name:
        return ""
    return f"{metric.title} ({metric.unit})" if metric.unit else metric.title


def claims_of(
    study: optuna.Study, table: TrialTable, changes: Mapping[str, Any]
) -> tuple[tuple[Claim, ...], bool]:
    """The claims to test, and whether they were registered before the first trial completed.

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
        late = [e for e in own_attributes(study).get("history", []) if e.get("n_complete", 0) > 0]
        return stored, not late
    names = set(table.space)
    fits = "targets" in names and "rank" in names and names & set(COUPLED[1:])
    return ((OURS,) if fits else ()), False


def _verdicts(
    table: TrialTable, claims: Sequence[Claim], inquiry: AnalysisOptions
) -> list[dict[str, Any]]:
    """Verdict on each claim; without claims, one inconclusive verdict with the effects only."""
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
    if len(names) > 1:  # effects do not depend on the claim
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
