"""What a point says of its trial: the words once in a template, the figures in its row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sweep.report.figures.figure import Tree
from sweep.report.figures.text import clipped, safe

MOST = 16
"""Parameters that a hover label lists; it would not fit a screen with more."""

LONGEST = 40
"""Characters of one value: plotly does not wrap, and a phone has room for 50 with the name."""

_HEAD = "<b>trial %{customdata[0]}</b>"


class Hover:
    """Hover labels of a study's trials.

    A label tells number, parameters by their labels, seed and phase. Strings of the tree go into
    ``customdata``, which plotly fills in once and does not search for placeholders.
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
        """``customdata`` of trials, with further columns."""
        more = zip(*extra, strict=True) if extra else ((),) * len(trials)
        return [
            [*self._rows[trial["number"]], *each] for trial, each in zip(trials, more, strict=True)
        ]

    def template(self, first: str, *extra: str) -> str:
        """``hovertemplate`` for ``rows``.

        Args:
            first: the line under the trial's number, such as ``value %{y}``.
            extra: what stands before each further column, escaped by whoever calls.
        """
        names = [*map(_short, self._shown), "seed", "phase"]
        lines = [f"{name} %{{customdata[{i}]}}" for i, name in enumerate(names, start=1)]
        if self._rest:
            lines.insert(-2, f"and {self._rest} more parameters")
        start = len(names) + 1
        lines += [f"{name} %{{customdata[{i}]}}".strip() for i, name in enumerate(extra, start)]
        return "<br>".join([_HEAD, *filter(None, [first]), *lines]) + "<extra></extra>"

    def short(self, first: str) -> str:
        """The same for points that have the trial's number alone."""
        return "<br>".join(filter(None, [_HEAD, first])) + "<extra></extra>"


def _short(text: object) -> str:
    return safe(clipped(text, LONGEST))
