"""Model selection: which effects to include, by number of configurations and by F tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations, product

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

LET_ONE_IN = 0.06
"""P value, Bonferroni-divided among the candidates, below which one interaction with an unordered
parameter enters alone: 0.0067 each for target sets, rank, scaling and a rate."""

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
    them, together or one by one, then any interaction of two parameters, or of three with an
    unordered one, and any higher degree that an F test supports.
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
        found = _forward(found, sample, _single_with_names, LET_ONE_IN)
    return _forward(found, sample, _larger_blocks, GROW) if len(sample) >= FOR_GROWTH else found


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


def _forward(
    found: Fit,
    sample: ConfigurationMeans,
    candidates_of: Callable[[Model], Iterator[Block]],
    p_value: float,
) -> Fit:
    """Forward selection of blocks, smallest p value first, until none is significant.

    Args:
        found: the fit to begin with.
        sample: the configuration means.
        candidates_of: the blocks that may be added to a model or replace one of it.
        p_value: the bound, divided by the number of candidates (Bonferroni).
    """
    while True:
        best, best_p = None, 1.0
        candidates = list(candidates_of(found.model))
        for block in candidates:
            larger = fit(found.model.with_block(block), sample)
            if larger is None or larger.df < len(sample) // 2:
                continue
            p = improvement(found, larger)
            if p < best_p:
                best, best_p = larger, p
        if best is None or best_p >= p_value / len(candidates):
            return found
        found = best


def _absent(model: Model) -> Iterator[Block]:
    """Interactions that a model lacks, linear or quadratic in numbers; of three, with a name."""
    axes = model.axes
    for size in (2, 3):
        for members in combinations(range(len(axes)), size):
            named = any(axes[i].kind == "unordered" for i in members)
            if any(model.degree(members)) or (size > 2 and not named):
                continue
            for degrees in product(*((1, 2) if _can_rise(axes[i], 1) else (1,) for i in members)):
                yield Block(members, degrees)


def _single_with_names(model: Model) -> Iterator[Block]:
    """Of absent interactions those with a name; of three parameters, linear in numbers."""
    for block in _absent(model):
        named = any(model.axes[i].kind == "unordered" for i in block.members)
        if named and (len(block.members) == 2 or max(block.degrees) == 1):
            yield block


def _larger_blocks(model: Model) -> Iterator[Block]:
    """Absent interactions, and each block raised by one or two degrees.

    Two for a main effect, so that both an even and an odd degree are added.
    """
    yield from _absent(model)
    axes = model.axes
    for i, axis in enumerate(axes):
        [degree] = model.degree((i,))
        if _can_rise(axis, degree):
            yield Block((i,), (degree + 2,))
    for block in model.blocks:
        if len(block.members) < 2:
            continue
        for k, i in enumerate(block.members):
            for more in (1, 2) if _can_rise(axes[i], block.degrees[k]) else ():
                raised = list(block.degrees)
                raised[k] += more
                yield Block(block.members, tuple(raised))
