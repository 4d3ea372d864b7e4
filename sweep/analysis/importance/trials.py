"""The trials as arrays for importance methods: sampled axes, and axes with a derived parameter."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sweep._typing import FloatArray, IndexArray
from sweep.analysis.axes import Axis, Derivation, derivation, sampled_axes, with_derived
from sweep.analysis.table import TrialTable

MOST_TRIALS = 4000
"""Largest number of trials that importance is computed on, since hundreds of forests are fitted.
With 2 000 trials of four parameters, a share's standard deviation is already 0.0015."""


@dataclass(frozen=True, eq=False)
class TrialArrays:
    """The trials as axes and values.

    Attributes:
        y: the objective, higher is better, shape ``(n,)``.
        configurations: configuration index of each trial, shape ``(n,)``.
        sampled: the parameters that varied, sorted by name.
        other: the same axes with ``rule`` applied; empty without a rule.
        rule: the derived parameter; None without one.
    """

    y: FloatArray
    configurations: IndexArray
    sampled: tuple[Axis, ...]
    other: tuple[Axis, ...] = ()
    rule: Derivation | None = None

    @classmethod
    def of(cls, table: TrialTable) -> TrialArrays:
        """The arrays of a table, whose rows must be sorted by content (see ``by_content``)."""
        # Sorted by name, as in Optuna, so that ties do not depend on the order of the space.
        axes = tuple(sorted(sampled_axes(table), key=lambda axis: axis.name))
        # Constant parameters are left out; PED-ANOVA would give them a share.
        axes = tuple(axis for axis in axes if np.ptp(axis.places) > 0.0)
        rule = derivation(table)
        if rule and not set(rule.of) <= {axis.name for axis in axes}:
            rule = None
        other = with_derived(axes, table, rule) if rule else ()
        return cls(table.y, table.configurations, axes, other, rule)

    @property
    def names(self) -> list[str]:
        """The sampled parameters, in the axes' order."""
        return [axis.name for axis in self.sampled]

    def take(self, rows: IndexArray) -> TrialArrays:
        """The arrays of a subset or resample of the rows."""
        return TrialArrays(
            self.y[rows],
            self.configurations[rows],
            tuple(axis.take(rows) for axis in self.sampled),
            tuple(axis.take(rows) for axis in self.other),
            self.rule,
        )

    def with_y(self, y: FloatArray) -> TrialArrays:
        """The trials with other objective values."""
        return replace(self, y=y)

    def indices(self, names: Sequence[str]) -> list[int]:
        """Indices of parameters among the sampled axes."""
        return [self.names.index(name) for name in names]

    def derived_index(self) -> int:
        """Index of the derived parameter in ``other``."""
        assert self.rule is not None  # noqa: S101 - asked only of views that have one
        return [axis.name for axis in self.other].index(self.rule.name)


def by_content(table: TrialTable) -> TrialTable:
    """The table with rows sorted by content, so that results do not depend on their order."""
    order = sorted(table.rows, key=lambda row: (table.space.encode(row.values), row.value))
    return replace(table, rows=tuple(order))


def drawn(table: TrialTable) -> TrialTable:
    """At most ``MOST_TRIALS`` rows of a table sorted by content: random whole configurations."""
    if len(table) <= MOST_TRIALS:
        return table
    configurations = table.configurations
    sizes = np.bincount(configurations)
    order = np.random.default_rng([0, 4]).permutation(len(sizes))
    kept = np.zeros(len(sizes), dtype=np.bool_)
    kept[order[np.cumsum(sizes[order]) <= MOST_TRIALS]] = True
    chosen = kept[configurations].tolist()
    return replace(table, rows=tuple(itertools.compress(table.rows, chosen)))
