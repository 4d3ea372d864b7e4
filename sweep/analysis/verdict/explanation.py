"""Explain a verdict in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sweep.analysis.effects.fit import ConfigurationMeans
from sweep.analysis.effects.model_selection import FOR_NAMES
from sweep.analysis.table import TrialTable
from sweep.analysis.verdict.claim_terms import ClaimTerms
from sweep.analysis.verdict.eligible_trials import EligibleTrials
from sweep.analysis.verdict.hypotheses import SURE, Hypotheses
from sweep.analysis.verdict.result import State, TestResult


def explain(parts: Sequence[TestResult], guards: Sequence[str], state: State) -> str:
    """The reason for a verdict: what decided it, or what is missing."""
    if guards:
        return f"No verdict: {'; '.join(guards)}."
    if state == "CONFIRMED":
        return " ".join([*_sentences(p for p in parts if p.view == "averaged"), *_beside(parts)])
    failing = [part for part in parts if part.state in ("REFUTED", "INCONCLUSIVE")]
    if state == "REFUTED":
        refuted = [part for part in failing if part.state == "REFUTED"]
        return " ".join([*_sentences(refuted), *_beside(parts)])
    required = [p for p in failing if p.view == "averaged" or p.name == "dominance"]
    return " ".join([*map(_open, required), *_beside(parts)])


def _sentences(parts: Iterable[TestResult]) -> list[str]:
    return [f"{_titled(part)}: {part.says}." for part in parts]


def _titled(part: TestResult) -> str:
    optimised = " at each choice's best" if part.view == "optimised" else ""
    verb = {
        "CONFIRMED": "confirmed",
        "REFUTED": "refuted",
        "INCONCLUSIVE": "open",
        "UNTESTED": "not tested",
    }[part.state]
    return f"{part.name.capitalize()}{optimised} is {verb}"


def _open(part: TestResult) -> str:
    said = f"{_titled(part)}: {part.says}"
    if part.needed is not None:
        said += f" (about {part.needed} trials would tell)"
    return f"{said}."


def _beside(parts: Sequence[TestResult]) -> list[str]:
    """Parameters outside the claim that the dominant one does not surely exceed."""
    for part in parts:
        if part.name == "dominance" and part.view == "averaged":
            rest = [c for c in part.comparisons if not c.claimed and c.probability < SURE]
            if rest and part.state == "CONFIRMED":
                names = " or ".join(c.over for c in rest)
                return [f"It does not surely beat {names}, of which the claim says nothing."]
    return []


def notes_on(
    table: TrialTable,
    eligible: EligibleTrials,
    terms: ClaimTerms,
    hypotheses: Hypotheses,
    sample: ConfigurationMeans,
) -> tuple[str, ...]:
    """Notes and limitations that go with a verdict."""
    found = list(table.notes)
    if terms.merged:
        found.append(f"{terms.merged[0].upper()}{terms.merged[1:]}.")
    if eligible.collapsed:
        n = len(eligible.pool)
        found.append(
            f"{len(eligible.collapsed)} of {n} runs collapsed "
            f"({len(eligible.collapsed) / n:.1%}) and were set apart: the verdict is about runs "
            "that do not."
        )
    if len(sample) < FOR_NAMES:
        found.append(
            f"Below {FOR_NAMES} configurations interactions with names are not in the model, so "
            "totals may miss what lies in them."
        )
    if sample.seed_noise.sd is None:
        found.append("No configuration has two seeds: the noise of seeds is not known apart.")
    fixed = [name for name in table.space if name not in eligible.anonymous.names.values()]
    if fixed:
        found.append(f"Never varied: {', '.join(fixed)}.")
    if len(hypotheses.dominant) > 1 and hypotheses.nuisances:
        found.append("A group has no single best nuisance: it was judged averaged only.")
    return tuple(found)
