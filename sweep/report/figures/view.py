"""A report's tree as figures read it."""

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

MOST_GROUPS = 12
"""Levels that trials are told apart by; a legend of more is not read."""


@dataclass(frozen=True)
class Group:
    """Trials of one level.

    Attributes:
        label: of the level, as the tree has it.
        look: its colour and symbol.
        trials: in order of their numbers.
    """

    label: str
    look: MarkerStyle
    trials: list[Tree]


@dataclass(frozen=True)
class ReportData:
    """A tree with what several figures ask of it.

    Attributes:
        tree: the report.
    """

    tree: Tree

    @cached_property
    def trials(self) -> list[Tree]:
        """All trials by number."""
        return sorted(self.tree["trials"], key=lambda trial: int(trial["number"]))

    @cached_property
    def by_number(self) -> Mapping[int, Tree]:
        """Trials by number."""
        return {trial["number"]: trial for trial in self.trials}

    @cached_property
    def valued(self) -> list[Tree]:
        """The trials that have a value."""
        return [trial for trial in self.trials if trial["value"] is not None]

    @cached_property
    def factors(self) -> Sequence[Tree]:
        """The parameters and what is derived from them."""
        return list(self.tree["factors"])

    @cached_property
    def looks(self) -> Mapping[str, MarkerStyle]:
        """The look of each parameter."""
        return parameter_looks(self.factors)

    @cached_property
    def hover(self) -> Hover:
        """Hover labels."""
        return Hover(self.trials, [factor["name"] for factor in self.factors])

    @cached_property
    def value_format(self) -> str:
        """How values are printed in hover labels."""
        return d3_format([trial["value"] for trial in self.valued])

    @property
    def value_name(self) -> str:
        """What the objective is called."""
        return str(self.tree["study"]["value_name"])

    @property
    def value_start(self) -> str:
        """The same at the start of a title."""
        return sentence(self.value_name)

    @property
    def value_title(self) -> str:
        """The same, escaped for plotly."""
        return safe(self.value_name)

    @property
    def value_says(self) -> str:
        """How hover labels tell a value that is drawn upwards."""
        return f"{self.value_title} %{{y:{self.value_format}}}"

    @property
    def maximize(self) -> bool:
        """Whether higher values are better."""
        return bool(self.tree["study"]["direction"] != "minimize")

    @property
    def better(self) -> str:
        """Which way is better, in a word."""
        return "higher" if self.maximize else "lower"

    def factor(self, name: str | None) -> Tree | None:
        """A factor by name; None where there is none."""
        return next((factor for factor in self.factors if factor["name"] == name), None)

    @cached_property
    def dominant(self) -> Tree | None:
        """The factor by whose levels trials are coloured."""
        return self.factor(self.tree["dominant"])

    def thinned(self, of: Sequence[Tree]) -> list[Tree]:
        """Those of some trials that a figure draws: see ``sweep.report.figures.thinned``."""
        return thinned(of, self.tree["ranking"])

    def groups(self, of: Iterable[Tree]) -> list[Group]:
        """Trials by level of the dominant factor, in its order; last what is on no level."""
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
        """Why there is nothing to draw values of."""
        n = len(self.trials)
        if not n:
            return "The study has no trials yet."
        counts = self.tree["counts"]
        kinds = ("failed", "interrupted", "pruned", "running", "waiting")
        said = [f"{counts[kind]:,} {kind}" for kind in kinds if counts.get(kind)]
        none = "The trial has no value" if n == 1 else f"None of the {trials(n)} has a value"
        return f"{none}{': ' if said else ''}{', '.join(said)}."


def level_index(levels: Sequence[Tree], value: Any) -> int | None:
    """Which level a value is on: its own, or the bin from ``from`` up to ``to``."""
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
