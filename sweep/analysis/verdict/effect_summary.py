"""Effect sizes and best nuisance values that a verdict reports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from sweep._typing import FloatArray
from sweep.analysis.axes import Axis, value_at
from sweep.analysis.effects.contrasts import surfaces
from sweep.analysis.effects.fit import TAILS
from sweep.analysis.effects.intervals import VarianceComponent
from sweep.analysis.verdict.decision import Assessment
from sweep.analysis.verdict.eligible_trials import AnonymizedTable
from sweep.analysis.verdict.hypotheses import Hypotheses, Indices
from sweep.analysis.verdict.result import BestPlace, Effect


class Effects:
    """All effects of an assessment, each with its share of the explained variance.

    Args:
        found: the assessment.
        names: real names of the parameters, in the axes' order.
        n: number of configurations.
    """

    def __init__(self, found: Assessment, names: Sequence[str], n: int) -> None:
        self._found = found
        self._names = names
        self._n = n
        view = found.view
        self._blocks = {
            members: found.drawer.piece(rows, f"share {members}")
            for members, rows in view.effects.items()
        }
        self._all = sum((p.draws for p in self._blocks.values()), np.zeros(1))
        self._sum = sum(piece.estimate for piece in self._blocks.values())

    def parameters(self) -> tuple[Effect, ...]:
        """Effect of every parameter, largest share first."""
        found = [self._effect((i,), name) for i, name in enumerate(self._names)]
        return tuple(sorted(found, key=lambda effect: (-effect.share, effect.name)))

    def groups(self, groups: Iterable[Indices]) -> tuple[Effect, ...]:
        """Effects of the distinct groups of several parameters."""
        several = dict.fromkeys(group for group in groups if len(group) > 1)
        return tuple(self._effect(g, "+".join(self._names[i] for i in g)) for g in several)

    def interactions(self) -> tuple[Effect, ...]:
        """Interactions in the model, of two or three parameters, largest share first."""
        found = [self._interaction(members) for members in self._blocks if len(members) > 1]
        return tuple(sorted(found, key=lambda effect: (-effect.share, effect.name)))

    def _interaction(self, members: Indices) -> Effect:
        name = ":".join(sorted(self._names[i] for i in members))
        rows = self._found.view.effects[members]
        return self._record(name, members, rows, rows, [members], [members])

    def _effect(self, group: Indices, name: str) -> Effect:
        view = self._found.view
        own = [m for m in self._blocks if set(m) <= set(group)]
        touching = [m for m in self._blocks if set(m) & set(group)]
        return self._record(name, group, view.within(group), view.touching(group), own, touching)

    def _record(
        self,
        name: str,
        group: Indices,
        rows: FloatArray,
        total_rows: FloatArray,
        own: Sequence[Indices],
        touching: Sequence[Indices],
    ) -> Effect:
        drawer, stream = self._found.drawer, f"effect {group}"
        piece, total = drawer.piece(rows, stream), drawer.piece(total_rows, f"{stream} total")
        share, low, high = self._share(own)
        sigma, total_sigma = _within(piece), _within(total)
        return Effect(
            name=name,
            share=share,
            low=low,
            high=high,
            sigma=sigma[0],
            sigma_low=sigma[1],
            sigma_high=sigma[2],
            noise_floor=piece.noise**0.5,
            total_share=self._share(touching)[0],
            total_sigma=max(total_sigma[0], sigma[0]),
            total_low=total_sigma[1],
            total_high=total_sigma[2],
            p_value=self._found.fit.p_value(rows),
            of=tuple(self._names[i] for i in group) if len(group) > 1 else (),
            n=self._n,
        )

    def _share(self, blocks: Sequence[Indices]) -> tuple[float, float, float]:
        """Share of the explained variance and its 95 % interval."""
        drawn = sum((self._blocks[m].draws for m in blocks), np.zeros(1))
        with np.errstate(invalid="ignore", divide="ignore"):
            shares = np.where(self._all > 0.0, drawn / self._all, 0.0)
        low, high = np.quantile(shares, TAILS)
        part = sum(self._blocks[m].estimate for m in blocks)
        share = part / self._sum if self._sum > 0.0 else 0.0
        return float(np.clip(share, low, high)), float(low), float(high)


def _within(piece: VarianceComponent) -> tuple[float, float, float]:
    """Estimate and interval as standard deviations; the estimate is clipped to the interval."""
    low, high = np.sqrt(piece.interval())
    return float(np.clip(piece.estimate**0.5, low, high)), float(low), float(high)


def best_of_each(
    found: Assessment, hypotheses: Hypotheses, anonymous: AnonymizedTable
) -> tuple[BestPlace, ...]:
    """Best nuisance values of each dominant choice, with intervals, under real names and labels."""
    if found.best is None:
        return ()
    fit, best, [index] = found.fit, found.best, hypotheses.dominant
    candidates, matrix = surfaces(fit, index, hypotheses.nuisances)
    drawn = found.drawer.coefficients("best")
    axes, names = fit.model.axes, list(anonymous.names.values())
    labels = anonymous.labels.get(axes[index].name)

    def value(axis: Axis, place: float) -> float:
        return value_at(anonymous.table.space[axis.name], place)

    records = []
    for k in range(len(best.choices)):
        spots = candidates[np.argmax(matrix[k] @ drawn.T, axis=0)]
        low, high = np.quantile(spots, TAILS, axis=0)
        at = {names[i]: value(axes[i], places[k]) for i, places in best.places.items()}
        row = np.concatenate([[1.0], best.rows[k]])
        there = fit.constant + float(best.rows[k] @ fit.b)
        half = 1.96 * float(np.sqrt(row @ fit.whole @ row * fit.variance))
        lows = {names[i]: value(axes[i], low[c]) for c, i in enumerate(hypotheses.nuisances)}
        highs = {names[i]: value(axes[i], high[c]) for c, i in enumerate(hypotheses.nuisances)}
        choice: Any = labels[k] if labels else value(axes[index], best.choices[k])
        average = fit.constant + float(matrix[k].mean(axis=0) @ fit.b)
        records.append(
            BestPlace(choice, at, lows, highs, there, there - half, there + half, average)
        )
    return tuple(records)
