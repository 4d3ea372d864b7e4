"""Warnings about the limitations of an importance ranking, as sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sweep.analysis.importance.result import Importance, ImportanceTable, Method
from sweep.analysis.table import TrialTable
from sweep.study.design import SEARCH

FEW = 20
"""With fewer trials, a ranking is not reliable."""

LARGEST = 1e100
"""Largest magnitude of a value, so that squares stay within floating-point range."""

FEW_TOP = 5
"""Smallest number of trials in the best tenth for PED-ANOVA, by Optuna's documentation."""

PARAMETRISATION_GAP = 0.1
"""If a group's share exceeds its largest member's by more, the members must be read together."""


def nothing_to_share(table: TrialTable) -> str:
    """Why importance cannot be computed; empty if it can."""
    if len(table) <= 1:
        return f"{len(table)} trials that count: importance needs at least 2."
    if beyond := cannot_be_squared(table):
        return beyond
    if np.ptp(table.y) == 0.0:
        return (
            f"All {len(table)} complete trials have the value {table.rows[0].value!r}: "
            "there is no variation to share out."
        )
    if len(set(table.configurations.tolist())) == 1:
        return f"All {len(table)} complete trials are one configuration: nothing was varied."
    return ""


def cannot_be_squared(table: TrialTable) -> str:
    """Why the values are too large or too close for a variance; empty if they are not."""
    largest = max((abs(row.value) for row in table.rows), default=0.0)
    apart = 0.0 if largest > LARGEST or not len(table) else float(np.ptp(table.y))
    if largest <= LARGEST and not 0.0 < apart <= 1.0 / LARGEST:
        return ""
    extreme = f"up to {largest:g}" if largest > LARGEST else f"{apart:g} apart"
    return (
        f"The values are too large or too near to each other to be squared ({extreme}): importance "
        "is a share of a variance. Give penalties a size that trials could have."
    )


def no_answer(method: Method, n: int) -> str:
    """Why a method gives no shares although the values differ."""
    if method == "ped_anova":
        return (
            f"{n} complete trials: the best 10 % do not differ from the rest in any parameter, "
            "so there is nothing to share out."
        )
    return f"{n} complete trials: every tree of the forest is constant, nothing to share out."


def cautions(table: TrialTable, method: Method, rows: Sequence[Importance]) -> tuple[str, ...]:
    """Limitations of one importance table."""
    n = len(table)
    found = []
    if n < FEW:
        found.append(
            f"n = {n}: a ranking of fewer than {FEW} trials proves nothing. On pure noise either "
            "method still shares out 1.0, and one parameter still comes first, most often the "
            "one with the most choices."
        )
    found += _of_sampling(table)
    top = math.ceil(0.1 * n)
    if method == "ped_anova" and top < FEW_TOP:
        found.append(f"The best 10 % are {max(top, 2)} trials; PED-ANOVA wants {FEW_TOP} or more.")
    fixed = [name for name in table.space if len(set(table.column(name).tolist())) == 1]
    if fixed:
        found.append(f"Never varied among these trials, so without a row: {', '.join(fixed)}.")
    group = next((row for row in rows if row.role == "group"), None)
    if group is not None:
        alone = max(row.share for row in rows if row.name in group.of)
        if group.share - alone > PARAMETRISATION_GAP:
            found.append(
                f"{' and '.join(group.of)} act together: judge them by the row {group.name}, "
                "which does not depend on whether alpha or alpha/rank stands beside rank."
            )
    return tuple(found)


def of_draw(n: int, whole: int) -> tuple[str, ...]:
    """Note that importance was computed on a random subset of the trials, to limit its run time."""
    if n == whole:
        return ()
    said = (
        f"Measured on {n:,} of the {whole:,} trials, whole configurations drawn at random: all of "
        "them would take too long. The intervals are those of so many trials."
    )
    return (said,)


def _of_sampling(table: TrialTable) -> list[str]:
    """Bias of the shares by the way the trials were sampled."""
    searched = sum(row.phase == SEARCH for row in table.rows)
    if table.sampling == "designed" and searched:
        return [f"{searched} of the trials are of the search phase, chosen by earlier results."]
    if table.sampling == "adaptive":
        note = (
            "The trials were chosen by earlier results: what a sampler settled on early is seldom "
            "tried against the rest, and shares of the space are biased."
        )
        return [note]
    return []


def disagreement(tables: Sequence[ImportanceTable]) -> tuple[str, ...]:
    """A warning if the methods rank different parameters first; empty if they agree."""
    tops = [(table, table.top) for table in tables if table.top is not None]
    if len({top.name for _, top in tops}) <= 1:
        return ()
    named = "; ".join(
        f"{table.title} ({table.question}) puts {top.name} first"
        + ("" if top.above_null else ", which is no more than chance gives")
        for table, top in tops
    )
    known = {table.method for table, _ in tops}
    said = f"The methods disagree on what matters most: {named}."
    if "fanova" in known:
        said += " For a claim about the whole search space only fANOVA is about it."
    if "ped_anova" in known:
        said += " PED-ANOVA knows a parameter only as far as the sampler still varied it."
    return (said,)
