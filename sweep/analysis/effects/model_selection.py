"""Model selection: which effects to include, by number of configurations and by F tests."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from sweep.analysis.axes import Axis
from sweep.analysis.effects.fit import ConfigurationMeans, Fit, fit, improvement
from sweep.analysis.effects.model import Block, Model

FOR_PRODUCTS = 30
"""Smallest number of configurations for products of numeric parameters."""

FOR_NAMES = 50
"""Smallest number of configurations for interactions with unordered parameters."""

FOR_GROWTH = 60
"""Smallest number of configurations for raising polynomial degrees."""

LET_IN = 0.03
"""P value of the joint F test below which interactions with unordered parameters enter."""

GROW = 0.01
"""P value, Bonferroni-divided among the candidates, below which a block's degree is raised."""

MOST_DEGREES = 12
"""Highest polynomial degree of a numeric range."""

LEFT_OVER = 8
"""Smallest number of residual degrees of freedom."""


def select_model(sample: ConfigurationMeans) -> Fit | None:
    """Fit the model of a verdict; None if not even main effects of degree 1 can be estimated.

    Main effects (all contrasts of unordered parameters, degree 2 of numeric ones), then products
    of numeric parameters, then interactions with unordered parameters if an F test supports
    them, then higher degrees if an F test supports them.
    """
    axes = sample.axes
    found = None
    for degree in (2, 1):
        found = fit(Model(axes, tuple(Block((i,), (degree,)) for i in range(len(axes)))), sample)
        if found is not None and found.df >= LEFT_OVER:
            break
    if found is None:
        return None
    if len(sample) >= FOR_PRODUCTS:
        found = _extended(found, sample, _pairs(axes, names=False), 1.0)
    if len(sample) >= FOR_NAMES:
        found = _extended(found, sample, _pairs(axes, names=True), LET_IN)
    return _grown(found, sample) if len(sample) >= FOR_GROWTH else found


def _can_rise(axis: Axis, degree: int) -> bool:
    if axis.kind == "unordered":
        return False
    return degree < (MOST_DEGREES if axis.kind == "line" else axis.size - 1)


def _pairs(axes: tuple[Axis, ...], *, names: bool) -> list[Block]:
    """Products of degree 1 of all pairs with an unordered parameter (``names``), or without."""
    pairs = combinations(range(len(axes)), 2)
    of = [pair for pair in pairs if any(axes[i].kind == "unordered" for i in pair) is names]
    return [Block(pair, (1, 1)) for pair in of]


def _extended(found: Fit, sample: ConfigurationMeans, blocks: list[Block], p_value: float) -> Fit:
    """The fit with all blocks added if enough degrees of freedom are left and the F test passes."""
    model = found.model
    for block in blocks:
        model = model.with_block(block)
    larger = fit(model, sample) if blocks else None
    if larger is None or larger.df < max(LEFT_OVER, len(sample) // 4):
        return found
    return larger if p_value == 1.0 or improvement(found, larger) < p_value else found


def _grown(found: Fit, sample: ConfigurationMeans) -> Fit:
    """Forward selection of higher degrees, smallest p value first, until none is significant."""
    while True:
        best, best_p = None, 1.0
        candidates = list(_larger_blocks(found.model))
        for block in candidates:
            larger = fit(found.model.with_block(block), sample)
            if larger is None or larger.df < len(sample) // 2:
                continue
            p = improvement(found, larger)
            if p < best_p:
                best, best_p = larger, p
        if best is None or best_p >= GROW / len(candidates):
            return found
        found = best


def _larger_blocks(model: Model) -> Iterator[Block]:
    """Each block raised by two degrees, so that both an even and an odd degree are added."""
    axes = model.axes
    for i, axis in enumerate(axes):
        [degree] = model.degree((i,))
        if _can_rise(axis, degree):
            yield Block((i,), (degree + 2,))
    for pair in combinations(range(len(axes)), 2):
        degrees = model.degree(pair)
        if degrees == (0, 0):
            yield Block(pair, (1, 1))
            continue
        for k, i in enumerate(pair):
            if _can_rise(axes[i], degrees[k]):
                raised = list(degrees)
                raised[k] += 2
                yield Block(pair, (raised[0], raised[1]))
