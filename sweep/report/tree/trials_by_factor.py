"""The part of a report tree that describes trials by factor."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import optuna
from optuna.trial import FrozenTrial

from sweep.analysis.axes import derivation
from sweep.analysis.rows import Row
from sweep.analysis.table import TrialTable
from sweep.report.tree.factors import INTERVAL, Factor, Reader, cross_table, levels_of
from sweep.report.tree.trials import best_entry, count_kinds, entries
from sweep.results.analysis import AnalysisOptions, claims_of
from sweep.study.claim import as_group
from sweep.study.measures import Measures
from sweep.study.parameters import TargetSets

MOST_CELLS = 4
"""Largest number of factors crossed with the dominant one."""

Tree = dict[str, Any]


def front(rows: Iterable[Row], sign: float) -> list[int]:
    """Numbers of the Pareto-optimal trials in trainable parameters and objective.

    In order of increasing size, and so of improving value; trials of unknown size are left out.
    ``sign`` is 1 if higher values are better, -1 if lower ones are.
    """
    sized = [(row.size, -sign * row.value, row.number) for row in rows if row.size is not None]
    best, found = float("inf"), []
    for _, loss, number in sorted(sized):
        if loss < best:
            best = loss
            found.append(number)
    return found


def by_factor(
    study: optuna.Study,
    trials: Sequence[FrozenTrial],
    table: TrialTable,
    inquiry: AnalysisOptions,
    state: Mapping[str, Any],
    measures: Measures,
) -> Tree:
    """The part of the tree that describes trials by their factors.

    Args:
        study: the study.
        trials: all its trials.
        table: the usable trials.
        inquiry: settings of the analysis.
        state: the study's snapshot (``sweep.results.status.snapshot``).
        measures: what the study's objective measures.
    """
    labels, sign = table.space.labels(), 1.0 if table.direction == "maximize" else -1.0
    claims = claims_of(study, table, inquiry.changes)[0] if len(table) else ()
    grouped_by = _dominant(table, [as_group(claim.dominant) for claim in claims])
    used = _used(table, claims)
    rule = derivation(table) if len(table) else None
    if rule is not None:  # rounded so that 0.30000000000000004 equals 0.3
        compute = rule.compute
        table = table.with_derived(rule.name, lambda values: float(f"{compute(values):.12g}"))
    rows = {row.number: row for row in table.rows}
    configurations = dict(zip(rows, table.configurations.tolist(), strict=True))
    counting = [row for number, row in rows.items() if number in used]
    reader = Reader(table.rows, labels)
    factors = [reader.sampled(name, table.space[name]) for name in table.space]
    if rule is not None:
        factors.append(reader.derived(rule))
    dominant = next((factor for factor in factors if factor.name == grouped_by), None)
    listed = entries(trials, rows, configurations, used, labels, measures.value.name)
    values = {t["number"]: t["value"] for t in listed if t["value"] is not None}
    gaps = {t["number"]: t["gap"] for t in listed if t["gap"] is not None}
    return {
        "counts": count_kinds(listed),
        "dominant": grouped_by,
        "factors": [factor.to_json(counting, configurations) for factor in factors],
        "interval": INTERVAL,
        "trials": listed,
        "gaps": []
        if dominant is None or not gaps
        else levels_of(dominant, counting, configurations, lambda row: gaps.get(row.number)),
        "cells": [
            cross_table(dominant, other, counting, configurations)
            for other in _crossed(dominant, factors)
            if dominant is not None and counting
        ],
        "front": front(table.rows, sign),
        "sizes": _sizes(table, trials),
        "best": best_entry(state["best"], listed, measures),
        "best_so_far": _best_so_far(values, sign),
        "ranking": sorted(values, key=lambda n: (-sign * values[n], n)),
        "failures": _failures(state["failed"], listed),
        "space": [{"name": f.name, "says": f.says, "kind": f.kind} for f in factors if not f.of],
    }


def _crossed(dominant: Factor | None, factors: Sequence[Factor]) -> list[Factor]:
    """The factors that the dominant one is crossed with: rank and scaling first."""
    if dominant is None or dominant.kind == "range":
        return []
    order = ("rank", "scaling", "alpha")
    others = sorted(
        (f for f in factors if f is not dominant),
        key=lambda f: order.index(f.name) if f.name in order else len(order),
    )
    return others[:MOST_CELLS]


def _sizes(table: TrialTable, trials: Sequence[FrozenTrial]) -> str | None:
    """Which parameters are counted as a trial's size; None if a trial's size is unknown."""
    if not len(table) or any(row.size is None for row in table.rows):
        return None
    numbers = {row.number for row in table.rows}
    details = [t.user_attrs.get("details") or {} for t in trials if t.number in numbers]
    own = all("adapter_parameters" in each for each in details)
    return "adapter parameters" if own else "trainable parameters"


def _best_so_far(values: Mapping[int, float], sign: float) -> list[Tree]:
    best, found = -math.inf, []
    for number in sorted(values):
        best = max(best, sign * values[number])
        found.append({"number": number, "best": sign * best})
    return found


def _failures(failed: Sequence[Mapping[str, Any]], listed: Sequence[Tree]) -> list[Tree]:
    shown = {trial["number"]: trial["shown"] for trial in listed}
    keys = ("number", "reason", "kind", "message", "interrupted", "traceback")
    return [
        {**{key: row.get(key) for key in keys}, "shown": shown[row["number"]]} for row in failed
    ]


def _dominant(table: TrialTable, groups: Sequence[tuple[str, ...]]) -> str | None:
    """The factor that trials are grouped by: claimed dominant, else target sets, else choices."""
    space = table.space
    claimed = [name for group in groups for name in group if name in space]
    targets = [name for name in space if isinstance(space[name], TargetSets)]
    names = [name for name in space if not getattr(space[name], "numeric", True)]
    return next(iter([*claimed, *targets, *names, *space]), None)


def _used(table: TrialTable, claims: Sequence[Any]) -> Collection[int]:
    """Numbers of the trials that the first claim's verdict is based on."""
    from sweep.analysis.verdict.claim_terms import roles_of
    from sweep.analysis.verdict.eligible_trials import measured_of, select_trials

    if claims:
        evidence = select_trials(table, roles_of(claims[0], tuple(table.space)))
        return {row.number for row in evidence.table.rows}
    return {row.number for row in measured_of(table)[0].rows if not row.collapsed}
