"""What a pilot found: the noise of seeds, and where every choice trains without collapsing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sweep.claim import Claim
from sweep.design.noise import needed, seed_noise
from sweep.phases import Pilot, is_collapsed
from sweep.rows import Row
from sweep.space import Float, Int, TargetSets
from sweep.space.param import Param
from sweep.table import TrialTable

REACH = 6.0
"""A nuisance on a log axis is measured from a sixth of the best to six times it."""


@dataclass(frozen=True)
class Cell:
    """The runs of one choice at one value of the nuisance.

    Attributes:
        choice: of the dominant parameter.
        at: the nuisance's value.
        values: of the runs that did not collapse, higher better.
        collapsed: how many did.
    """

    choice: str
    at: float
    values: tuple[float, ...]
    collapsed: int

    @property
    def mean(self) -> float | None:
        """Of the runs that did not collapse; None if all did."""
        return math.fsum(self.values) / len(self.values) if self.values else None


def pilot_report(table: TrialTable, pilot: Pilot, claims: Sequence[Claim] = ()) -> dict[str, Any]:
    """What the trials of a pilot say, as a JSON tree.

    Args:
        table: its trials.
        pilot: what was tried out.
        claims: whose deltas the number of trials is for.

    Returns:
        ``noise``, ``nuisance`` (None without one), ``runs``, ``collapsed``,
        ``seconds_per_trial``, ``needed`` by delta, and ``notes``.
    """
    noise = seed_noise(table)
    seconds = [row.seconds for row in table.rows if row.seconds > 0]
    nuisance, notes = _nuisance(table, pilot) if pilot.nuisance else (None, [])
    if noise is None:
        notes = ["no configuration has two runs, so the noise of seeds is unknown", *notes]
    deltas = sorted({claim.delta for claim in claims} or {Claim.delta})
    return {
        "runs": len(table.rows),
        "collapsed": sum(is_collapsed(row.metrics) for row in table.rows),
        "noise": noise,
        "nuisance": nuisance,
        "seconds_per_trial": float(np.mean(seconds)) if seconds else None,
        "needed": [needed(noise, delta) for delta in deltas],
        "notes": notes,
    }


def _nuisance(table: TrialTable, pilot: Pilot) -> tuple[dict[str, Any], list[str]]:
    """The curve of each choice over the nuisance, and the range to measure on."""
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
            tuple(y for row, y in found if not is_collapsed(row.metrics)),
            sum(is_collapsed(row.metrics) for row, _ in found),
        )
        for (choice, at), found in sorted(runs.items())
    ]


def recommended(
    cells: Sequence[Cell], best: Mapping[str, float | None], param: Param
) -> tuple[dict[str, float] | None, list[str]]:
    """The range that covers every choice's best value, cut to where no run collapsed.

    Args:
        cells: all runs.
        best: each choice's best value; None where all its runs collapsed.
        param: the nuisance.

    Returns:
        ``low`` and ``high``, or None where there is no such range; and what to know about it.
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
    """Neighbouring values at which no run collapsed."""
    blocks: list[list[float]] = [[]]
    for at in tried:
        if at in bad:
            blocks.append([])
        else:
            blocks[-1].append(at)
    return [block for block in blocks if block]
