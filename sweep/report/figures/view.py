"""``ReportData``: accessors of a report tree for figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sweep.report.figures.figure import Tree
from sweep.report.figures.hover import Hover
from sweep.report.figures.text import d3_format, safe, sentence, trials
from sweep.report.figures.theme import OTHER, MarkerStyle, look, parameter_looks
from sweep.report.figures.thinned import thinned
from sweep.study.measures import Measures

MOST_GROUPS = 12
"""Largest number of levels with their own colour; further ones are grouped as ``other``."""


@dataclass(frozen=True)
class Group:
    """Trials of one level.

    Attributes:
        label: label of the level.
        look: its colour and symbol.
        trials: its trials, in the given order.
    """

    label: str
    look: MarkerStyle
    trials: list[Tree]


@dataclass(frozen=True)
class ReportData:
    """A report tree with values shared by several figures.

    Attributes:
        tree: the report tree.
    """

    tree: Tree

    @cached_property
    def trials(self) -> list[Tree]:
        """All trials, sorted by number."""
        return sorted(self.tree["trials"], key=lambda trial: int(trial["number"]))

    @cached_property
    def by_number(self) -> Mapping[int, Tree]:
        """Trial number to trial."""
        return {trial["number"]: trial for trial in self.trials}

    @cached_property
    def valued(self) -> list[Tree]:
        """The trials that have a value."""
        return [trial for trial in self.trials if trial["value"] is not None]

    @cached_property
    def factors(self) -> Sequence[Tree]:
        """The sampled and derived parameters."""
        return list(self.tree["factors"])

    @cached_property
    def looks(self) -> Mapping[str, MarkerStyle]:
        """Style of each parameter."""
        return parameter_looks(self.factors)

    @cached_property
    def hover(self) -> Hover:
        """Hover labels of the trials."""
        return Hover(self.trials, [factor["name"] for factor in self.factors])

    @cached_property
    def value_format(self) -> str:
        """d3 format of values in hover labels."""
        return d3_format([trial["value"] for trial in self.valued])

    @cached_property
    def measures(self) -> Measures:
        """What the study's objective measures."""
        return Measures.from_json(self.tree["measures"])

    @property
    def value_name(self) -> str:
        """Name of the objective."""
        return str(self.tree["study"]["value_name"])

    @property
    def value_start(self) -> str:
        """Name of the objective with a capital letter, to start a title."""
        return sentence(self.value_name)

    @property
    def value_title(self) -> str:
        """Name of the objective with its unit, escaped for plotly."""
        unit = self.measures.value.unit
        return safe(f"{self.value_name} ({unit})" if unit else self.value_name)

    @property
    def value_says(self) -> str:
        """Hover label line of the value on the vertical axis."""
        return f"{self.value_title} %{{y:{self.value_format}}}"

    @property
    def maximize(self) -> bool:
        """Whether higher values are better."""
        return bool(self.tree["study"]["direction"] != "minimize")

    @property
    def better(self) -> str:
        """``higher`` or ``lower``, whichever is better."""
        return "higher" if self.maximize else "lower"

    def factor(self, name: str | None) -> Tree | None:
        """A factor by name; None if there is none."""
        return next((factor for factor in self.factors if factor["name"] == name), None)

    @cached_property
    def dominant(self) -> Tree | None:
        """The factor by whose levels trials are coloured."""
        return self.factor(self.tree["dominant"])

    def thinned(self, of: Sequence[Tree]) -> list[Tree]:
        """Subset of the trials to draw; see ``sweep.report.figures.thinned``."""
        return thinned(of, self.tree["ranking"])

    def groups(self, of: Iterable[Tree]) -> list[Group]:
        """Trials grouped by level of the dominant factor, in order; trials on no level last."""
        of = list(of)
        factor = self.dominant
        if factor is None:
            return [Group("trials", look(0), of)] if of else []
        found: dict[int, list[Tree]] = {}
        for trial in of:
            index = level_index(factor["levels"], trial["params"].get(factor["name"]))
            at = MOST_GROUPS if index is None or index >= MOST_GROUPS else index
            found.setdefault(at, []).append(trial)
        return [
            Group(str(factor["levels"][at]["label"]), look(at), found[at])
            if at < MOST_GROUPS
            else Group("other", OTHER, found[at])
            for at in sorted(found)
        ]

    def no_values(self) -> str:
        """Reason why there are no values to draw."""
        n = len(self.trials)
        if not n:
            return "The study has no trials yet."
        counts = self.tree["counts"]
        kinds = ("failed", "interrupted", "pruned", "running", "waiting")
        said = [f"{counts[kind]:,} {kind}" for kind in kinds if counts.get(kind)]
        none = "The trial has no value" if n == 1 else f"None of the {trials(n)} has a value"
        return f"{none}{': ' if said else ''}{', '.join(said)}."


def level_index(levels: Sequence[Tree], value: Any) -> int | None:
    """Index of the level or bin (``from`` to ``to``) of a value; None if there is none."""
    if value is None:
        return None
    truth = isinstance(value, bool)
    for i, level in enumerate(levels):
        low, high = level["from"], level["to"]
        if low is None or high is None:
            if value == level["value"] and truth is isinstance(level["value"], bool):
                return i
        elif isinstance(value, (int, float)) and not truth:
            last = i == len(levels) - 1
            if low <= value < high or (last and value == high):
                return i
    return None
