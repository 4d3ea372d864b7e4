"""Random subset of the trials for figures of large studies."""

from __future__ import annotations

import random
from collections.abc import Sequence

from sweep.report.figures.figure import Tree

MOST_DRAWN = 2000
"""Largest number of trials in a figure: each takes at least 100 bytes of the page, and thousands of
dots hide each other."""


def are_many(of: Sequence[object]) -> bool:
    """Whether there are more than ``MOST_DRAWN`` trials."""
    return len(of) > MOST_DRAWN


def thinned(of: Sequence[Tree], best: Sequence[int]) -> list[Tree]:
    """Deterministic random sample of ``MOST_DRAWN`` trials, and the best trial.

    The sample is random, since every n-th trial might have the same seed of a design.

    Args:
        of: the trials, whose order is kept.
        best: numbers of the study's trials, the best first.
    """
    if not are_many(of):
        return list(of)
    chosen = set(random.Random(0).sample(range(len(of)), MOST_DRAWN))  # noqa: S311 - no secret
    return [trial for i, trial in enumerate(of) if i in chosen or trial["number"] in best[:1]]


def drawn_of(of: Sequence[Tree]) -> str:
    """Caption text if ``thinned`` leaves trials out, with a leading space; else empty."""
    if not are_many(of):
        return ""
    return (
        f" Drawn are {MOST_DRAWN:,} of these {len(of):,}, chosen at random, and the best; "
        "report.json has all, and whatever is a mean or a count is of all."
    )
