"""Parts of drawn figures, for tests of figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sweep.report.figures.kinds import draw

Trace = dict[str, Any]


def figure(tree: dict[str, Any], key: str) -> dict[str, Any]:
    """A figure of a report tree."""
    [found] = [each.figure for each in draw(tree) if each.key == key]
    assert found is not None
    return found


def traces(tree: dict[str, Any], key: str, which: Callable[[Trace], bool]) -> list[Trace]:
    """Selected traces of a figure."""
    return [trace for trace in figure(tree, key)["data"] if which(trace)]


def runs(values: Sequence[Any]) -> list[list[Any]]:
    """A sequence split at its gaps (None)."""
    found: list[list[Any]] = [[]]
    for value in values:
        found.append([]) if value is None else found[-1].append(value)
    return [each for each in found if each]
