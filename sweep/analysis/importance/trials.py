"""The trials as every method sees them: axes, once as sampled and once with a derived figure."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sweep.analysis.axes import Axis, Derivation, derivation, sampled_axes, with_derived
from sweep.analysis.table import TrialTable

FloatArray = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

MOST_TRIALS = 4000
"""Trials that importance is measured on at most. Hundreds of forests are grown, and their leaves
grow with the trials; on 2 000 of four parameters a share's standard deviation is 0.0015 already."""


@dataclass(frozen=True, eq=False)
class TrialArrays:
    """The trials as axes.

    Attributes:
        y: the objective, higher is better, shape ``(n,)``.
        configurations: which configuration each trial is, shape ``(n,)``.
        sampled: the parameters that varied, by name.
        other: the same with ``rule`` applied; empty without a rule.
        rule: the derived figure.
    """

    y: FloatArray
    configurations: Indices
    sampled: tuple[Axis, ...]
    other: tuple[Axis, ...] = ()
    rule: Derivation | None = None

    @classmethod
    def of(cls, table: TrialTable) -> TrialArrays:
        """Both views of a table, whose rows must be in an order that their content decides."""
        # By name: the forest's ties then fall as in Optuna, and the space's order does not matter.
        axes = tuple(sorted(sampled_axes(table), key=lambda axis: axis.name))
        # What never varied is not compared: PED-ANOVA would even give it a share.
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

    def take(self, rows: Indices) -> TrialArrays:
        """The same views of other rows."""
        return TrialArrays(
            self.y[rows],
            self.configurations[rows],
            tuple(axis.take(rows) for axis in self.sampled),
            tuple(axis.take(rows) for axis in self.other),
            self.rule,
        )

    def with_y(self, y: FloatArray) -> TrialArrays:
        """The same trials with other values."""
        return replace(self, y=y)

    def indices(self, names: Sequence[str]) -> list[int]:
        """Where parameters stand among the sampled axes."""
        return [self.names.index(name) for name in names]

    def derived_index(self) -> int:
        """Where the derived figure stands among the other view's axes."""
        assert self.rule is not None  # noqa: S101 - asked only of views that have one
        return [axis.name for axis in self.other].index(self.rule.name)


def by_content(table: TrialTable) -> TrialTable:
    """The rows by content, so that neither their order nor their numbers sway a seeded forest."""
    order = sorted(table.rows, key=lambda row: (table.space.encode(row.values), row.value))
    return replace(table, rows=tuple(order))


def drawn(table: TrialTable) -> TrialTable:
    """A table of ``MOST_TRIALS`` at most: whole configurations drawn at random, the rows in order.

    Args:
        table: with its rows by content, so that the draw depends on nothing else.
    """
    if len(table) <= MOST_TRIALS:
        return table
    configurations = table.configurations
    sizes = np.bincount(configurations)
    order = np.random.default_rng([0, 4]).permutation(len(sizes))
    kept = np.zeros(len(sizes), dtype=np.bool_)
    kept[order[np.cumsum(sizes[order]) <= MOST_TRIALS]] = True
    chosen = kept[configurations].tolist()
    return replace(table, rows=tuple(itertools.compress(table.rows, chosen)))
