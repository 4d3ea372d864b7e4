"""Diagnostics of a design: balance, precision of effects, cost and power."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sweep.analysis.axes import Axis, sampled_axes
from sweep.analysis.experiment_design.balanced import information
from sweep.analysis.experiment_design.factors import affords_products, is_discrete, model, observed
from sweep.analysis.table import Row, TrialTable
from sweep.study.design import Design, Point
from sweep.study.parameters import Param, TargetSets
from sweep.study.space import Space
from sweep.study.spec import StudySpec

STRATA = 5
"""Number of equally wide parts of a range for counting pairs."""

Noise = Mapping[str, Any]


def design_report(
    spec: StudySpec,
    points: Sequence[Point],
    *,
    noise: Noise | None,
    seconds: float | None,
    sizes: Mapping[str, float] | None,
) -> dict[str, Any]:
    """Diagnostics of a design as JSON-serialisable data.

    Args:
        spec: a study with a ``Design``.
        points: its runs.
        noise: ``sd`` of one run and ``source``, optionally ``low`` and ``high``; None if unknown.
        seconds: duration of a trial; None if unknown.
        sizes: trainable parameters of each target set per unit of rank; empty if the pilot did
            not record them, None without a pilot.

    Returns:
        ``factors``, ``pairs``, ``precision``, ``cost``, ``claims``, ``noise``, ``power`` (a
        forecast per claim; empty if the noise is unknown or 0), ``notes``, and the numbers of
        ``configurations``, ``duplicates`` and ``trials``.
    """
    first = {point.index: point for point in reversed(points)}
    rows = [Row(index, first[index].values, 0.0) for index in sorted(first)]
    axes = sampled_axes(TrialTable.from_rows(rows, space=spec.space))
    return {
        "configurations": len(first),
        "duplicates": len(points) - len(first),
        "trials": len(points),
        "factors": [_factor(spec.space[axis.name], axis, rows) for axis in axes],
        "pairs": [_pair(a, b, spec.space) for a, b in itertools.combinations(axes, 2)],
        "precision": _precision(spec.space, [row.values for row in rows]),
        "cost": {
            "trials": len(points),
            "seconds_per_trial": seconds,
            "hours": None if seconds is None else len(points) * seconds / 3600.0,
        },
        "claims": [claim.to_json() for claim in spec.claims],
        "noise": None if noise is None else dict(noise),
        "power": _power(spec, points, noise["sd"], sizes) if noise and noise["sd"] else [],
        "notes": _notes(spec, len(first), noise),
    }


def _power(
    spec: StudySpec, points: Sequence[Point], noise: float, sizes: Mapping[str, float] | None
) -> list[dict[str, Any]]:
    """Simulated power of the design for each claim."""
    from sweep.analysis.experiment_design.power import forecast

    rows = [
        Row(i, point.values, 0.0, seed=point.seed, size=_size(spec.space, point, sizes or {}))
        for i, point in enumerate(points)
    ]
    table = TrialTable.from_rows(rows, space=spec.space, fixed=spec.settings)
    found = [forecast(table, claim, noise) for claim in spec.claims]
    if sizes is None:  # without a pilot the sizes are unknown
        way_out = "how many parameters each choice trains is not known: run the pilot"
        found = [
            replace(each, untested=way_out) if each.power and each.untested else each
            for each in found
        ]
    return [each.to_json() for each in found]


def _size(space: Space, point: Point, sizes: Mapping[str, float]) -> float | None:
    """Expected number of trainable parameters of a run: per-rank size times rank."""
    name = next((name for name in space if isinstance(space[name], TargetSets)), None)
    per_rank = None if name is None else sizes.get(str(point.values[name]))
    return None if per_rank is None else per_rank * float(point.values["rank"])


def _notes(spec: StudySpec, configurations: int, noise: Noise | None) -> list[str]:
    design, notes = spec.design, []
    if isinstance(design, Design) and design.configurations > configurations:
        wanted = design.configurations
        notes.append(
            f"the space has {configurations} configurations, so these are all; {wanted} wanted"
        )
    if noise is not None and not noise["sd"]:
        notes.append("runs of one configuration did not differ: without noise there is no forecast")
    return notes


def _factor(param: Param, axis: Axis, rows: Sequence[Row]) -> dict[str, Any]:
    if is_discrete(param):
        counts = Counter(row.values[axis.name] for row in rows)
        levels = [{"value": value, "count": counts[value]} for value in param.grid() or ()]
        return {"name": axis.name, "kind": axis.kind, "levels": levels}
    values = [float(row.values[axis.name]) for row in rows]
    ends = {"low": min(values), "high": max(values), "values": len(set(values))}
    return {"name": axis.name, "kind": "range", **ends}


def _pair(a: Axis, b: Axis, space: Space) -> dict[str, Any]:
    """Smallest and largest cell count of two crossed parameters, with ranges cut into strata."""
    (first, n_first), (second, n_second) = (_cells(axis, space[axis.name]) for axis in (a, b))
    counts = np.zeros((n_first, n_second), dtype=int)
    np.add.at(counts, (first, second), 1)
    ends = {"least": int(counts.min()), "most": int(counts.max()), "cells": counts.size}
    return {"names": [a.name, b.name], **ends}


def _cells(axis: Axis, param: Param) -> tuple[Any, int]:
    """Cell index of each configuration for one parameter, and the number of cells."""
    if is_discrete(param):
        grid = list(param.grid() or ())
        if axis.kind != "line":
            return axis.places.astype(int), len(grid)
        encoded = [param.encode(value) for value in grid]
        return np.searchsorted(encoded, axis.places - 1e-9), len(grid)
    unit = (axis.places - axis.low) / (axis.high - axis.low)
    return np.minimum((unit * STRATA).astype(int), STRATA - 1), STRATA


def _precision(space: Space, configurations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How close the columns of the analysis model are to orthonormal."""
    factors, levels = observed(space, configurations)
    n = len(levels)
    x = model(factors, levels, products=affords_products(factors, n))
    gram = x.T @ x / n
    scale = np.sqrt(np.diag(gram))
    estimable = np.linalg.matrix_rank(x) == x.shape[1]
    likeness = gram / np.where(scale == 0, 1, np.outer(scale, scale)) - np.eye(len(gram))
    return {
        "columns": x.shape[1],
        "efficiency": math.exp(information(x)),  # 1 if orthonormal
        # The mean variance of a coefficient relative to orthonormal columns.
        "inflation": float(np.trace(np.linalg.inv(gram)) / len(gram)) if estimable else None,
        "correlation": float(np.abs(likeness).max()),
    }
