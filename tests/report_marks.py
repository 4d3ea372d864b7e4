"""Parts of drawn figures, for the tests of what marks stand for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sweep.report.figures.kinds import draw

Trace = dict[str, Any]


def figure(tree: dict[str, Any], key: str) -> dict[str, Any]:
    """One figure of a tree."""
    [found] = [each.figure for each in draw(tree) if each.key == key]
    assert found is not None
    return found


def traces(tree: dict[str, Any], key: str, which: Callable[[Trace], bool]) -> list[Trace]:
    """Some of a figure's traces."""
    return [trace for trace in figure(tree, key)["data"] if which(trace)]


def runs(values: Sequence[Any]) -> list[list[Any]]:
    """A sequence cut at its gaps."""
    found: list[list[Any]] = [[]]
    for value in values:
        found.append([]) if value is None else found[-1].append(value)
    return [each for each in found if each]
