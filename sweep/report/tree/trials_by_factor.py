"""The part of a report tree that describes trials by factor."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import optuna
from optuna.trial import FrozenTrial

from sweep.analysis.axes import Derivation, derivation
from sweep.analysis.rows import Row
from sweep.analysis.table import TrialTable
from sweep.report.tree.factors import INTERVAL, Factor, Reader, cross_table, levels_of
from sweep.report.tree.trials import best_entry, count_kinds, entries
from sweep.results.analysis import AnalysisOptions, claims_of
from sweep.study.claim import as_group
from sweep.study.measures import Measures
from sweep.study.parameters import TargetSets


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


MOST_CELLS = 4
"""Largest number of factors crossed with the dominant one."""

Tree = dict[str, Any]


class FactorTables:
    """The part of the tree that describes trials by their factors.

    Args:
        study: the study.
        trials: all its trials.
        table: the usable trials.
        inquiry: settings of the analysis.
        state: the study's snapshot (``sweep.results.status.snapshot``).
        measures: what the study's objective measures.
    """

    def __init__(
        self,
        study: optuna.Study,
        trials: Sequence[FrozenTrial],
        table: TrialTable,
        inquiry: AnalysisOptions,
        state: Mapping[str, Any],
        measures: Measures,
    ) -> None:
        self._trials = trials
        self._state = state
        self._measures = measures
        self._labels = table.space.labels()
        self._rule = derivation(table) if len(table) else None
        wide = table if self._rule is None else _with(table, self._rule)
        self._rows = {row.number: row for row in wide.rows}
        of = wide.configurations.tolist()
        self._configurations = dict(zip(self._rows, of, strict=True))
        claims = claims_of(study, table, inquiry.changes)[0] if len(table) else ()
        self._dominant = _dominant(table, [as_group(claim.dominant) for claim in claims])
        self._used = _used(table, claims)
        self._table = wide
        self._sign = 1.0 if table.direction == "maximize" else -1.0

    def to_json(self) -> Tree:
        """The part as JSON-serialisable data."""
        factors = self._factors()
        counting = [row for number, row in self._rows.items() if number in self._used]
        listed = entries(
            self._trials,
            self._rows,
            self._configurations,
            self._used,
            self._labels,
            self._measures.value.name,
        )
        values = {t["number"]: t["value"] for t in listed if t["value"] is not None}
        dominant = next((f for f in factors if f.name == self._dominant), None)
        gaps = {t["number"]: t["gap"] for t in listed if t["gap"] is not None}
        return {
            "counts": count_kinds(listed),
            "dominant": self._dominant,
            "factors": [factor.to_json(counting, self._configurations) for factor in factors],
            "interval": INTERVAL,
            "trials": listed,
            "gaps": []
            if dominant is None or not gaps
            else levels_of(
                dominant, counting, self._configurations, lambda row: gaps.get(row.number)
            ),
            "cells": self._cells(dominant, factors, counting),
            "front": front(self._rows.values(), self._sign),
            "sizes": self._sizes(),
            "best": best_entry(self._state["best"], listed, self._measures),
            "best_so_far": self._best_so_far(values),
            "ranking": sorted(values, key=lambda n: (-self._sign * values[n], n)),
            "failures": self._failures(),
            "space": [
                {"name": f.name, "says": f.says, "kind": f.kind} for f in factors if not f.of
            ],
        }

    def _factors(self) -> list[Factor]:
        reader = Reader(list(self._rows.values()), self._labels)
        space = self._table.space
        made = [reader.sampled(name, space[name]) for name in space]
        return made if self._rule is None else [*made, reader.derived(self._rule)]

    def _cells(
        self, dominant: Factor | None, factors: Sequence[Factor], rows: Sequence[Row]
    ) -> list[Tree]:
        """The dominant factor crossed with the others, rank and scaling first."""
        if dominant is None or dominant.kind == "range" or not rows:
            return []
        order = ("rank", "scaling", "alpha")
        others = sorted(
            (f for f in factors if f is not dominant),
            key=lambda f: order.index(f.name) if f.name in order else len(order),
        )
        return [
            cross_table(dominant, other, rows, self._configurations)
            for other in others[:MOST_CELLS]
        ]

    def _sizes(self) -> str | None:
        """Which parameters are counted as a trial's size; None if a trial's size is unknown."""
        if not self._rows or any(row.size is None for row in self._rows.values()):
            return None
        details = [
            t.user_attrs.get("details") or {} for t in self._trials if t.number in self._rows
        ]
        own = all("adapter_parameters" in each for each in details)
        return "adapter parameters" if own else "trainable parameters"

    def _best_so_far(self, values: Mapping[int, float]) -> list[Tree]:
        best, found = -math.inf, []
        for number in sorted(values):
            best = max(best, self._sign * values[number])
            found.append({"number": number, "best": self._sign * best})
        return found

    def _failures(self) -> list[Tree]:
        shown = {row["number"]: row for row in self._state["failed"]}
        failed = [t for t in self._trials if t.number in shown]
        listed = {t["number"]: t["shown"] for t in entries(failed, {}, {}, (), self._labels)}
        keys = ("number", "reason", "kind", "message", "interrupted", "traceback")
        return [
            {**{key: row.get(key) for key in keys}, "shown": listed[number]}
            for number, row in shown.items()
        ]


def _with(table: TrialTable, rule: Derivation) -> TrialTable:
    """The table with the derived column, rounded so that 0.30000000000000004 equals 0.3."""
    return table.with_derived(rule.name, lambda values: float(f"{rule.compute(values):.12g}"))


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
