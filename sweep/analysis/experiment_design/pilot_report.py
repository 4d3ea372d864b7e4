"""Results of a pilot study: noise between seeds, and a nuisance range without collapsed runs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from sweep.analysis.effects.fit import ConfigurationMeans
from sweep.analysis.rows import Row
from sweep.analysis.table import TrialTable
from sweep.study.design import Pilot
from sweep.study.parameters import Float, Int, Param, TargetSets

LEVEL = 0.95
"""Confidence level of the upper bound on the collapse rate."""

REACH = 6.0
"""The recommended range of a log-scaled nuisance extends from best / 6 to best * 6."""


def seed_noise(table: TrialTable) -> dict[str, Any] | None:
    """Standard deviation between seeds, pooled over configurations, without collapsed runs.

    Returns:
        ``sd`` with its chi-square 95 % interval ``low``, ``high`` and the ``degrees`` of freedom;
        None if no configuration has two runs.
    """
    alive = table.only(lambda row: not row.collapsed)
    noise = ConfigurationMeans.of((), alive.y, alive.configurations).seed_noise
    if noise.sd is None:
        return None
    return {"sd": noise.sd, "low": noise.low, "high": noise.high, "degrees": noise.df}


def collapse_rate(runs: int, collapsed: int) -> dict[str, Any]:
    """Number of collapsed runs and an upper confidence bound on the collapse rate.

    Returns:
        ``runs``, ``collapsed``, ``at_most``, the one-sided upper bound of Clopper and Pearson
        (1934, doi:10.1093/biomet/26.4.404), and its ``level``. For 37 runs without a collapse the
        bound is 0.078, so few runs cannot show that collapses are rare.
    """
    at_most = 1.0
    if collapsed < runs:
        at_most = float(stats.beta.ppf(LEVEL, collapsed + 1, runs - collapsed))
    return {"runs": runs, "collapsed": collapsed, "at_most": at_most, "level": LEVEL}


@dataclass(frozen=True)
class Cell:
    """The runs of one choice at one value of the nuisance; ``values`` of those not collapsed."""

    choice: str
    at: float
    values: tuple[float, ...]
    collapsed: int

    @property
    def mean(self) -> float | None:
        """Mean of the runs that did not collapse; None if all did."""
        return math.fsum(self.values) / len(self.values) if self.values else None


def pilot_report(table: TrialTable, pilot: Pilot) -> dict[str, Any]:
    """Results of a pilot study, from its trials, as JSON-serialisable data.

    Returns:
        ``noise``, ``nuisance`` (None without one), ``runs``, ``collapsed``, ``collapse_rate``
        (in the recommended range; over all runs if there is no nuisance; None if no range can be
        recommended), ``seconds_per_trial``, ``sizes`` (see ``sizes_per_rank``) and ``notes``.
    """
    noise = seed_noise(table)
    seconds = [row.seconds for row in table.rows if row.seconds > 0]
    nuisance, notes = _nuisance(table, pilot) if pilot.nuisance else (None, [])
    if noise is None:
        notes = ["no configuration has two runs, so the noise of seeds is unknown", *notes]
    if nuisance is not None and nuisance["range"] and any(row.collapsed for row in table.rows):
        notes.append("these very runs chose the range, so the bound on its collapses is a bit low")
    return {
        "runs": len(table.rows),
        "collapsed": sum(row.collapsed for row in table.rows),
        "collapse_rate": _collapse_rate(table, nuisance),
        "noise": noise,
        "nuisance": nuisance,
        "seconds_per_trial": float(np.mean(seconds)) if seconds else None,
        "sizes": sizes_per_rank(table, pilot),
        "notes": notes,
    }


def _collapse_rate(table: TrialTable, nuisance: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Collapse rate in the recommended range; biased low if collapses determined the range."""
    rows: Sequence[Row] = table.rows
    if nuisance is not None:
        found, name = nuisance["range"], nuisance["name"]
        if found is None:
            return None
        rows = [r for r in rows if found["low"] <= float(r.values[name]) <= found["high"]]
    return collapse_rate(len(rows), sum(row.collapsed for row in rows))


def sizes_per_rank(table: TrialTable, pilot: Pilot) -> dict[str, float]:
    """Trainable parameters of each target set per unit of rank; empty if unknown."""
    # Adapter size is assumed to depend on target sets and rank only.
    sets = [name for name in table.space if isinstance(table.space[name], TargetSets)]
    if sets != [pilot.dominant] or "rank" not in table.space:
        return {}
    found = {
        str(row.values[pilot.dominant]): row.size / float(row.values["rank"])
        for row in table.rows
        if row.size is not None and float(row.values["rank"]) > 0
    }
    whole = set(map(str, table.space[pilot.dominant].grid() or ())) <= set(found)
    return found if whole else {}


def _nuisance(table: TrialTable, pilot: Pilot) -> tuple[dict[str, Any], list[str]]:
    """Curve of each choice over the nuisance, the recommended range, and notes."""
    param = table.space[pilot.nuisance]
    cells = _cells(table, pilot)
    best = {}
    for choice in dict.fromkeys(cell.choice for cell in cells):
        alive = [cell for cell in cells if cell.choice == choice and cell.mean is not None]
        best[choice] = max(alive, key=lambda cell: cell.mean or 0.0).at if alive else None
    found, notes = recommended(cells, best, param)
    sign = 1.0 if table.direction == "maximize" else -1.0
    curve = [
        {
            "choice": cell.choice,
            "at": cell.at,
            "mean": None if cell.mean is None else sign * cell.mean,
            "runs": len(cell.values) + cell.collapsed,
            "collapsed": cell.collapsed,
        }
        for cell in cells
    ]
    tree = {"name": pilot.nuisance, "dominant": pilot.dominant, "curve": curve, "best": best}
    return {**tree, "range": found}, notes


def _cells(table: TrialTable, pilot: Pilot) -> list[Cell]:
    param = table.space[pilot.dominant]
    runs: dict[tuple[str, float], list[tuple[Row, float]]] = {}
    for row, y in zip(table.rows, table.y.tolist(), strict=True):
        value = str(row.values[pilot.dominant])
        choice = param.label(value) if isinstance(param, TargetSets) else value
        runs.setdefault((choice, float(row.values[pilot.nuisance])), []).append((row, y))
    return [
        Cell(
            choice,
            at,
            tuple(y for row, y in found if not row.collapsed),
            sum(row.collapsed for row, _ in found),
        )
        for (choice, at), found in sorted(runs.items())
    ]


def recommended(
    cells: Sequence[Cell], best: Mapping[str, float | None], param: Param
) -> tuple[dict[str, float] | None, list[str]]:
    """Recommended nuisance range: covers each choice's best value, excludes collapsed runs.

    Args:
        cells: all runs, by choice and nuisance value.
        best: each choice's best nuisance value; None if all its runs collapsed.
        param: the nuisance parameter.

    Returns:
        ``low`` and ``high``, or None if there is no such range; and notes.
    """
    notes = [f"{choice}: every run collapsed" for choice, at in best.items() if at is None]
    known = {choice: at for choice, at in best.items() if at is not None}
    tried = sorted({cell.at for cell in cells})
    bad = {cell.at for cell in cells if cell.collapsed}
    blocks = _blocks(tried, bad)
    if not known or not blocks:
        return None, [*notes, "runs collapsed at every value that was tried: try lower ones"]
    block = max(blocks, key=lambda b: (sum(at in b for at in known.values()), len(b), -b[0]))
    log = isinstance(param, (Float, Int)) and param.log
    low = min(known.values()) / REACH if log else tried[0]
    high = max(known.values()) * REACH if log else tried[-1]
    found = {"low": max(low, block[0]), "high": min(high, block[-1])}
    if found["low"] > found["high"]:
        return None, [*notes, "no run collapsed only far from where the choices are best"]
    for choice, at in known.items():
        if not found["low"] <= at <= found["high"]:
            notes.append(f"{choice}: its best, {at:.3g}, lies where runs collapsed")
        elif at in (tried[0], tried[-1]):
            end = "lowest" if at == tried[0] else "highest"
            notes.append(f"{choice}: best at the {end} value tried; its best may lie beyond")
    return found, notes


def _blocks(tried: Sequence[float], bad: set[float]) -> list[list[float]]:
    """Runs of adjacent values at which no run collapsed."""
    blocks: list[list[float]] = [[]]
    for at in tried:
        if at in bad:
            blocks.append([])
        else:
            blocks[-1].append(at)
    return [block for block in blocks if block]
