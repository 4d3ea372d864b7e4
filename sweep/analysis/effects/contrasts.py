"""Effects as contrasts of a fit: averaged over other parameters, or at each choice's best.

Both are linear in the coefficients, so both have the same kind of interval. Averaged effects are
the coefficients themselves. For optimised effects, nuisance parameters (such as the learning
rate) are set to the best value for each choice of the dominant parameter; by the envelope
theorem, the uncertainty of that optimum does not affect the effects' noise to first order.

A target set with more matrices trains more parameters at the same rank; so does a higher rank at
the same set. The slope of the rank effect per doubling estimates the effect of size; what remains
of a choice's effect is the effect of *which* matrices are adapted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product

import numpy as np

from sweep._typing import FloatArray
from sweep.analysis.axes import Axis
from sweep.analysis.effects.fit import Fit
from sweep.analysis.effects.model import Block, Model, columns, row_products

Members = tuple[int, ...]

GRID = 101
"""Grid points when searching the best value of one numeric nuisance."""

COARSE = 17
"""Grid points per nuisance when several are searched together."""

MOST_PLACES = 5000
"""Largest grid over several nuisances, but at least three points for each."""

FINE = 4
"""Polynomial degree of a numeric dominant parameter for effects projected from nuisances."""


@dataclass(frozen=True)
class Contrasts:
    """Effects as linear combinations of a fit's coefficients.

    Attributes:
        name: ``averaged`` or ``optimised``.
        effects: parameter indices of each effect to its combinations, shape ``(k, p)``; the
            squares of the ``k`` orthonormal effects add up to its variance.
    """

    name: str
    effects: Mapping[Members, FloatArray]

    def within(self, group: Iterable[int]) -> FloatArray:
        """Effects among the group's parameters only; for one parameter, its main effect."""
        chosen = set(group)
        return self._stack(members for members in self.effects if set(members) <= chosen)

    def touching(self, group: Iterable[int]) -> FloatArray:
        """Effects that involve any of the group's parameters: its total effect."""
        chosen = set(group)
        return self._stack(members for members in self.effects if set(members) & chosen)

    def _stack(self, chosen: Iterable[Members]) -> FloatArray:
        width = next((rows.shape[1] for rows in self.effects.values()), 0)
        rows = [self.effects[members] for members in chosen]
        return np.concatenate(rows) if rows else np.empty((0, width))


def averaged(fit: Fit) -> Contrasts:
    """Contrasts of each effect averaged over all other parameters."""
    unit = np.eye(fit.model.size)
    return Contrasts("averaged", {members: unit[at] for members, at in fit.model.spans.items()})


@dataclass(frozen=True)
class Best:
    """Best values of the nuisances for each choice of the dominant parameter.

    Attributes:
        dominant: index of the dominant parameter.
        choices: coordinates of its choices, shape ``(K,)``.
        places: nuisance index to its best coordinate for each choice, shape ``(K,)``.
        rows: mean response at these values as combinations of coefficients, shape ``(K, p)``.
    """

    dominant: int
    choices: FloatArray
    places: Mapping[int, FloatArray]
    rows: FloatArray


def surfaces(fit: Fit, dominant: int, nuisances: Sequence[int]) -> tuple[FloatArray, FloatArray]:
    """Response surface over the nuisances for each choice, averaged over all other parameters.

    Returns:
        Grid of nuisance coordinates, shape ``(g, len(nuisances))``, and the responses as
        combinations of coefficients, shape ``(K, g, p)``.
    """
    model, choices = fit.model, fit.model.axes[dominant].reference()
    many = len(nuisances)
    fine = GRID if many == 1 else max(3, min(COARSE, int(MOST_PLACES ** (1.0 / max(many, 1)))))
    candidates = np.array(list(product(*(_candidates(model.axes[i], fine) for i in nuisances))))
    k, g = len(choices), len(candidates)
    places = [np.zeros(k * g) for _ in model.axes]
    places[dominant] = np.repeat(choices, g)
    for column, i in enumerate(nuisances):
        places[i] = np.tile(candidates[:, column], k)
    matrix = model.matrix(places)
    for members, span in model.spans.items():
        if set(members) - {dominant, *nuisances}:
            matrix[:, span] = 0.0  # a column averages to 0 over each of its parameters
    return candidates, matrix.reshape(k, g, -1)


def best_places(fit: Fit, dominant: int, nuisances: Sequence[int]) -> Best:
    """Best nuisance values for each choice, averaged over all other parameters."""
    candidates, matrix = surfaces(fit, dominant, nuisances)
    top = np.argmax(matrix @ fit.b, axis=1)
    return Best(
        dominant,
        fit.model.axes[dominant].reference(),
        {i: candidates[top, column] for column, i in enumerate(nuisances)},
        matrix[np.arange(len(top)), top],
    )


def optimised(fit: Fit, best: Best) -> Contrasts:
    """Contrasts of effects with each choice of the dominant parameter at its best nuisances.

    Each nuisance becomes a function of the dominant parameter: their interaction becomes part of
    the dominant main effect, and a nuisance's interaction with others becomes part of theirs.
    """
    model = fit.model
    found: dict[Members, FloatArray] = {}
    for block in model.blocks:
        span = model.spans[block.members]
        if not set(block.members) & set(best.places):
            shape = block.shape(model.axes)
            _add(found, block.members, np.eye(model.size)[span].reshape(*shape, model.size))
            continue
        for members, weights in _projected(model, block, best).items():
            rows = np.zeros((*weights.shape[:-1], model.size))
            rows[..., span] = weights
            _add(found, members, rows)
    return Contrasts("optimised", {m: rows.reshape(-1, model.size) for m, rows in found.items()})


def _projected(model: Model, block: Block, best: Best) -> dict[Members, FloatArray]:
    """Project a block with nuisances onto the remaining parameters, by quadrature."""
    # Weights have the shape (columns of each parameter, ..., columns of the block).
    others = [i for i in block.members if i != best.dominant and i not in best.places]
    rest = np.array(list(product(*(model.axes[i].reference() for i in others))))
    choice = np.repeat(np.arange(len(best.choices)), len(rest))
    places = [np.zeros(len(choice)) for _ in model.axes]
    places[best.dominant] = best.choices[choice]
    for i, at in best.places.items():
        places[i] = at[choice]
    for column, i in enumerate(others):
        places[i] = np.tile(rest[:, column], len(best.choices))
    values = Model(model.axes, (block,)).matrix(places)
    degrees = {**dict(zip(block.members, block.degrees, strict=True)), best.dominant: FINE}
    found = {}
    for members in (tuple(others), tuple(sorted((best.dominant, *others)))):
        if members:
            parts = [columns(model.axes[i], places[i], degrees[i]) for i in members]
            shape = [part.shape[1] for part in parts]
            weights = reduce(row_products, parts).T @ values / len(values)
            found[members] = weights.reshape(*shape, -1)
    return found


def _add(found: dict[Members, FloatArray], members: Members, rows: FloatArray) -> None:
    """Add combinations of possibly different degrees, zero-padding the lower degree."""
    there = found.get(members, np.zeros((0,) * (rows.ndim - 1) + rows.shape[-1:]))
    shape = tuple(map(max, there.shape, rows.shape))
    found[members] = _padded(there, shape) + _padded(rows, shape)


def _padded(rows: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    return np.pad(rows, [(0, more - have) for have, more in zip(rows.shape, shape, strict=True)])


def _candidates(axis: Axis, fine: int) -> FloatArray:
    if axis.kind != "line":
        return axis.reference()
    return np.linspace(axis.low, axis.high, fine)


@dataclass(frozen=True)
class Size:
    """How the number of trained parameters depends on the configuration.

    Attributes:
        dominant: index of the parameter whose choices differ in size.
        log2_per_rank: for each of its choices, log2 of the trained parameters per unit of rank,
            shape ``(K,)``.
        slopes: index of rank to log2 of size along its axis, shape of its ``reference``; if alpha
            was sampled, also the index of alpha, which must grow with rank to keep the scaling.
    """

    dominant: int
    log2_per_rank: FloatArray
    slopes: dict[int, FloatArray]

    def spans(self) -> bool:
        """Whether some slope covers at least as many doublings of size as the choices do."""
        widest = max(float(np.ptp(values)) for values in self.slopes.values())
        return bool(np.ptp(self.log2_per_rank) <= widest)


def beyond_size(fit: Fit, view: Contrasts, size: Size) -> FloatArray:
    """The dominant main effect less what its choices' sizes explain, as combinations ``(k, p)``."""
    axis = fit.model.axes[size.dominant]
    rows = view.effects[size.dominant,].copy()
    own = columns(axis, axis.reference(), len(rows))[:, : len(rows)]
    share = own.T @ (size.log2_per_rank - size.log2_per_rank.mean()) / len(own)
    for index, values in size.slopes.items():
        effect = view.effects.get((index,))
        if effect is not None:
            slope = _slope(fit.model.axes[index], values, len(effect)) @ effect
            rows -= share[:, None] * slope[None, :]
    return rows


def _slope(axis: Axis, log2_values: FloatArray, count: int) -> FloatArray:
    """Least-squares slope of each basis column per doubling of size, shape ``(count,)``."""
    table = columns(axis, axis.reference(), count)[:, :count]
    centred = log2_values - log2_values.mean()
    slope: FloatArray = table.T @ centred / np.square(centred).sum()
    return slope
