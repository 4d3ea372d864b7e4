"""``ReportData``: accessors of a report tree for figures, and the hover labels of its trials."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sweep.report.figures.figure import Tree
from sweep.report.figures.text import clipped, d3_format, safe, sentence, trials
from sweep.report.figures.theme import OTHER, MarkerStyle, look
from sweep.study.measures import Measures

MOST_PARAMETERS = 16
"""Largest number of parameters in a hover label, to fit a screen."""

LONGEST_VALUE = 40
"""Largest number of characters of a value, since plotly does not wrap and a phone fits 50."""

_HEAD = "<b>trial %{customdata[0]}</b>"

MOST_GROUPS = 12
"""Largest number of levels with their own colour; further ones are grouped as ``other``."""

MOST_DRAWN = 2000
"""Largest number of trials in a figure: each takes at least 100 bytes of the page, and thousands of
dots hide each other."""


class Hover:
    """Hover labels of a study's trials.

    A label shows number, parameters by their labels, seed and phase. Strings of the tree are put
    into ``customdata``, in which plotly does not expand placeholders.
    """

    def __init__(self, trials: Sequence[Tree], names: Sequence[str]) -> None:
        self._shown = list(names[:MOST_PARAMETERS])
        self._rest = len(names) - len(self._shown)
        self._rows: Mapping[int, list[Any]] = {t["number"]: self._row(t) for t in trials}

    def _row(self, trial: Tree) -> list[Any]:
        shown = [_short(trial["shown"].get(name, "-")) for name in self._shown]
        seed = trial.get("seed")
        phase = trial.get("phase")
        told = ["-" if seed is None else seed, "-" if phase is None else _short(phase)]
        return [trial["number"], *shown, *told]

    def rows(self, trials: Sequence[Tree], *extra: Sequence[Any]) -> list[list[Any]]:
        """``customdata`` rows of trials, with optional further columns."""
        more = zip(*extra, strict=True) if extra else ((),) * len(trials)
        return [
            [*self._rows[trial["number"]], *each] for trial, each in zip(trials, more, strict=True)
        ]

    def template(self, first: str, *extra: str) -> str:
        """``hovertemplate`` that matches the columns of ``rows``.

        Args:
            first: the line under the trial's number, such as ``value %{y}``.
            extra: label of each further column, escaped.
        """
        names = [*map(_short, self._shown), "seed", "phase"]
        lines = [f"{name} %{{customdata[{i}]}}" for i, name in enumerate(names, start=1)]
        if self._rest:
            lines.insert(-2, f"and {self._rest} more parameters")
        start = len(names) + 1
        lines += [f"{name} %{{customdata[{i}]}}".strip() for i, name in enumerate(extra, start)]
        return "<br>".join([_HEAD, *filter(None, [first]), *lines]) + "<extra></extra>"

    def short(self, first: str) -> str:
        """``hovertemplate`` for points whose ``customdata`` is the trial's number only."""
        return "<br>".join(filter(None, [_HEAD, first])) + "<extra></extra>"


def _short(text: object) -> str:
    return safe(clipped(text, LONGEST_VALUE))


@dataclass(frozen=True)
class Group:
    """Trials of one level, in their order, with its label, colour and symbol."""

    label: str
    look: MarkerStyle
    trials: list[Tree]


@dataclass(frozen=True)
class ReportData:
    """A report tree with values shared by several figures."""

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
        return {factor["name"]: look(i) for i, factor in enumerate(self.factors)}

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
        """The trials to draw: all, or ``MOST_DRAWN`` at random and the best, in the given order.

        Random, since every n-th trial might have the same seed of a design.
        """
        if not are_many(of):
            return list(of)
        chosen = set(random.Random(0).sample(range(len(of)), MOST_DRAWN))  # noqa: S311 - no secret
        best = self.tree["ranking"][:1]
        return [trial for i, trial in enumerate(of) if i in chosen or trial["number"] in best]

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


def are_many(of: Sequence[object]) -> bool:
    """Whether there are more than ``MOST_DRAWN`` trials."""
    return len(of) > MOST_DRAWN


def drawn_of(of: Sequence[Tree]) -> str:
    """Caption text if ``ReportData.thinned`` omits trials, with a leading space; else empty."""
    if not are_many(of):
        return ""
    return (
        f" Drawn are {MOST_DRAWN:,} of these {len(of):,}, chosen at random, and the best; "
        "report.json has all, and whatever is a mean or a count is of all."
    )
