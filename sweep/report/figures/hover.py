"""Hover labels of trials: a shared plotly template, and ``customdata`` per trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sweep.report.figures.figure import Tree
from sweep.report.figures.text import clipped, safe

MOST = 16
"""Largest number of parameters in a hover label, to fit a screen."""

LONGEST = 40
"""Largest number of characters of a value, since plotly does not wrap and a phone fits 50."""

_HEAD = "<b>trial %{customdata[0]}</b>"


class Hover:
    """Hover labels of a study's trials.

    A label shows number, parameters by their labels, seed and phase. Strings of the tree are put
    into ``customdata``, in which plotly does not expand placeholders.
    """

    def __init__(self, trials: Sequence[Tree], names: Sequence[str]) -> None:
        self._shown = list(names[:MOST])
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
    return safe(clipped(text, LONGEST))
