"""The verb that judges: what mattered in a study, and what became of its claims."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import optuna

from sweep.claim import COUPLED, Claim
from sweep.cli.show import show
from sweep.errors import SpecError, UsageError, fault
from sweep.storage import Address, load_study, open_study, quiet_optuna, read_spec
from sweep.summary import print_importance
from sweep.table import TrialTable
from sweep.tabulate import to_table

VERBS = ("importance",)

OURS = Claim()


def importance(options: argparse.Namespace) -> int:
    """The verdict on each claim of a study, and every method of importance beside it."""
    from sweep.importance import importance_report  # scikit-learn takes seconds to import
    from sweep.importance.result import TITLES
    from sweep.judge.evidence import measured_of

    methods = ("fanova", "ped_anova", *options.method)
    unknown = [name for name in methods if name not in TITLES]
    if unknown:
        raise UsageError(fault("--method", f"be one of {', '.join(TITLES)}", unknown[0]))
    with quiet_optuna():
        address = Address.parse(options.storage)
        study = open_study(address, options.name)
        if "spec" in study.user_attrs:
            study = load_study(address, options.name)  # refuses what a newer lorasweep wrote
        table = to_table(study)
        claims, registered = _claims(options, study, table)
        verdicts = _verdicts(table, claims, options)
        found = importance_report(
            measured_of(table)[0],  # the trials that the verdict is about, and no others
            methods=tuple(dict.fromkeys(methods)),
            seed=options.seed,
            n_null=0 if options.quick else 100,
        )
    tree = found.to_json()
    first = dict(verdicts[0])
    report = {
        **first,
        "study": study.study_name,
        "storage": address.shown,
        "direction": table.direction,
        "history": study.user_attrs.get("history", []),
        "registered": registered,
        "claims": verdicts,
        "labels": table.space.labels(),
        **tree,
        "notes": [*first["notes"], *(n for n in tree["notes"] if n not in first["notes"])],
    }
    show(report, print_importance, as_json=options.json)
    return 0


def _verdicts(
    table: TrialTable, claims: Sequence[Claim], options: argparse.Namespace
) -> list[dict[str, Any]]:
    """Each claim's verdict; without a claim the effects alone, and the reason."""
    from sweep.judge import Verdict, judge

    how: Mapping[str, Any] = {
        "n_draws": options.draws,
        "seed": options.seed,
        "cross_checks": not options.quick,
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


def _claims(
    options: argparse.Namespace, study: optuna.Study, table: TrialTable
) -> tuple[tuple[Claim, ...], bool]:
    """The claims to judge, and whether they were written down before the first trial."""
    spec = read_spec(study) if "spec" in study.user_attrs else None
    stored = () if spec is None else spec.claims
    changes = _changes(options)
    if changes:
        claim = replace(stored[0] if stored else OURS, name="", **changes)
        faults = claim.faults("the claim")
        if faults:
            raise SpecError(faults)
        return (claim,), False
    if stored:
        late = [e for e in study.user_attrs.get("history", []) if e.get("n_complete", 0) > 0]
        return stored, not late
    names = set(table.space)
    fits = "targets" in names and "rank" in names and names & set(COUPLED[1:])
    return ((OURS,) if fits else ()), False


def _changes(options: argparse.Namespace) -> dict[str, Any]:
    """The fields of a claim that the command line gives."""
    changes: dict[str, Any] = {}
    if options.dominant is not None:
        changes["dominant"] = _part(options.dominant)
    for name in ("over", "negligible", "nuisances"):
        text = getattr(options, name)
        if text is not None:
            changes[name] = tuple(_part(each) for each in text.split(",") if each)
    for name in ("delta", "kappa"):
        if getattr(options, name) is not None:
            changes[name] = getattr(options, name)
    if "dominant" in changes and "over" not in changes:
        way_out = "For example --over rank,scaling"
        raise UsageError(fault("--over", "be given with --dominant", None, way_out=way_out))
    if "over" in changes and "negligible" not in changes:
        changes["negligible"] = ()
    return changes


def _part(text: str) -> str | tuple[str, ...]:
    members = tuple(text.split("+"))
    return members if len(members) > 1 else text
