"""Records of single trials (usable, dropped, failed), and rows built from plain columns."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from sweep.errors import SpecError, fault
from sweep.study.native import native
from sweep.study.parameters import Choice, Float, Param, is_number
from sweep.study.space import Space
from sweep.study.trial import Scalar

Direction = Literal["maximize", "minimize"]
"""Optuna's study direction."""

Sampling = Literal["designed", "random", "adaptive", "unknown"]
"""How the configurations were chosen.

``designed``: spread evenly before the first trial ran. ``random``: independently of the results
(random, quasi-random, a grid). ``adaptive``: from earlier results, so that the rows are a biased
sample of the space.
"""

Cells = list[Any]
"""One column as Python scalars; None where a cell is missing."""

PLURAL = {"seed": "seeds", "size": "sizes", "phase": "phases", "collapsed": "collapsed"}
"""Row field name to the column name shown in error messages."""

MOST_CHOICES = 12
"""Numeric columns with at most this many distinct values become choices, others a range."""

DECADE = 10.0
"""Smallest ratio of the largest to the smallest value for a range to be log-scaled."""


@dataclass(frozen=True)
class Row:
    """One COMPLETE trial.

    Attributes:
        values: parameter name to value, as sampled.
        value: the objective, as measured.
        replicate: index of the trial's seed among the study's seeds, from 0.
        reused_from: number of the trial whose result was copied; None if it was computed.
        phase: ``measure``, ``search`` or ``pilot`` (see ``sweep.study.design``); empty if unknown.
        size: number of trainable adapter parameters, without the head if counted separately;
            None if unknown.
        collapsed: whether training collapsed (the model predicts a single class), so that its
            value is not informative about the parameters.
    """

    number: int
    values: Mapping[str, Scalar]
    value: float
    seed: int = 0
    replicate: int = 0
    seconds: float = 0.0
    metrics: Mapping[str, Any] = field(default_factory=dict)
    reused_from: int | None = None
    phase: str = ""
    size: float | None = None
    collapsed: bool = False


@dataclass(frozen=True)
class Dropped:
    """A COMPLETE trial that cannot be analysed, and why.

    Attributes:
        no_value: whether its value is not finite; it is counted as failed although its state is
            COMPLETE.
    """

    number: int
    reason: str
    no_value: bool = False


@dataclass(frozen=True)
class Failed:
    """A trial that ended without a value, kept so that failures can be counted by parameter."""

    number: int
    values: Mapping[str, Scalar] = field(default_factory=dict)
    phase: str = ""
    reason: str = ""


def rows_of(
    columns: Mapping[str, npt.ArrayLike],
    values: npt.ArrayLike,
    space: Space | None,
    **more: npt.ArrayLike | None,
) -> tuple[list[Row], Space]:
    """Rows numbered from 0, and the search space: the given one, or one inferred from the columns.

    Args:
        columns: parameter name to its values, each of shape ``(n,)``; None or NaN where missing.
        values: the objective, shape ``(n,)``.
        space: the search space; inferred when None (see ``infer``).
        more: further fields of ``Row`` by name, each of shape ``(n,)``; None for none.

    Raises:
        SpecError: with every fault of the columns.
    """
    cells = {str(name): cells_of(column) for name, column in columns.items()}
    extra = {name: cells_of(column) for name, column in more.items() if column is not None}
    if "seed" in extra:
        extra["seed"] = [_whole(cell) for cell in extra["seed"]]
    measured = cells_of(values)
    faults = [*_faults(cells, len(measured), extra), *_number_faults("values", measured)]
    faults += _space_faults(cells, space)
    if faults:
        raise SpecError(faults)
    if space is None:
        cells = {name: _one_kind(column) for name, column in cells.items()}
        space = infer(cells)
    else:
        cells = {name: [_offered(space[name], c) for c in cells[name]] for name in space}
    rows = [
        Row(
            number,
            {name: column[number] for name, column in cells.items() if column[number] is not None},
            float("nan") if measured[number] is None else float(measured[number]),
            **{name: column[number] for name, column in extra.items()},
        )
        for number in range(len(measured))
    ]
    return rows, space


def infer(columns: Mapping[str, Cells]) -> Space:
    """Search space inferred from the observed values: cells by parameter, each column of one kind.

    Strings and booleans are unordered choices in sorted order. Numbers of at most 12 distinct
    values are ordered choices. Other numbers are a range from the smallest to the largest,
    logarithmic if all are positive, the largest is 10 times the smallest or more, and their
    logarithms are more evenly spread. Pass the space explicitly if the true ranges are known,
    since the extremes of a sample lie inside them.
    """
    return Space({name: _param(column) for name, column in columns.items()})


def cells_of(column: npt.ArrayLike) -> Cells:
    """A column as plain Python scalars, None for None and NaN."""
    flat = np.asarray(column, dtype=object)
    items = flat.tolist() if flat.ndim == 1 else [flat]
    plain = [native(item) for item in items]
    return [None if _missing(item) else item for item in plain]


def _missing(item: object) -> bool:
    # pandas' NA raises when compared; the class name identifies it without importing pandas.
    not_a_number = isinstance(item, float) and item != item  # noqa: PLR0124
    return item is None or not_a_number or type(item).__name__ in ("NAType", "NaTType")


def _faults(cells: Mapping[str, Cells], n: int, extra: Mapping[str, Cells]) -> Iterator[str]:
    """Faults of the columns that do not depend on the search space."""
    if not cells:
        yield fault("columns", "hold at least one parameter", {})
    for name, column in {**cells, **{PLURAL[n]: each for n, each in extra.items()}}.items():
        if len(column) != n:
            yield fault(name, f"have one entry per value, {n}", len(column))
    for name, column in cells.items():
        odd = [c for c in column if c is not None and not isinstance(c, (str, int, float, bool))]
        if odd:
            yield fault(name, "hold strings, numbers or booleans", odd[0])
        elif n and not any(isinstance(c, str) or math.isfinite(c) for c in _known(column)):
            yield fault(name, "hold at least one value", "nothing")
    yield from _extra_faults(extra)


def _extra_faults(extra: Mapping[str, Cells]) -> Iterator[str]:
    """Faults of the columns that are not parameters."""
    yield from _number_faults("sizes", extra.get("size", []))
    kinds: dict[str, tuple[type, str]] = {
        "seed": (int, "whole numbers"),
        "phase": (str, "strings"),
        "collapsed": (bool, "True or False"),
    }
    for name, (kind, words) in kinds.items():
        odd = [cell for cell in extra.get(name, []) if type(cell) is not kind]
        if odd:
            yield fault(PLURAL[name], f"hold {words}", odd[0])


def _number_faults(name: str, column: Cells) -> Iterator[str]:
    """Fault if a column holds anything but numbers and missing cells."""
    odd = [c for c in column if c is not None and type(c) not in (int, float)]
    if odd:
        yield fault(name, "hold numbers", odd[0])


def _space_faults(cells: Mapping[str, Cells], space: Space | None) -> Iterator[str]:
    """Columns that do not match the space, or from which no space can be inferred."""
    if space is not None:
        yield from space.faults()
        for name in [name for name in space if name not in cells]:
            yield fault("columns", f"hold {name}, which the space has", sorted(cells))
        for name in [name for name in cells if name not in space]:
            yield fault("columns", f"be of the space: {', '.join(space)}", name)
        return
    for name, column in cells.items():
        kinds = {"number" if type(c) in (int, float) else type(c).__name__ for c in _known(column)}
        if len(kinds) > 1 and kinds <= {"number", "str", "bool"}:
            way_out = "Give a space to say what the choices are"
            yield fault(name, "hold values of one kind", sorted(kinds), way_out=way_out)


def _whole(cell: Any) -> Any:
    """A float of integral value as an int, since pandas stores integers with gaps as floats."""
    return int(cell) if type(cell) is float and cell.is_integer() else cell


def _known(column: Cells) -> Cells:
    return [cell for cell in column if cell is not None]


def _one_kind(column: Cells) -> Cells:
    """The column with all numbers as floats if any is one, so that 1 and 1.0 are one choice."""
    if not any(isinstance(cell, float) for cell in column):
        return column
    return [None if cell is None else float(cell) for cell in column]


def _offered(param: Param, cell: Any) -> Any:
    """The parameter's own value that equals the cell, such as 8 for the 8.0 of a float array."""
    if not is_number(cell) or param.contains(cell):
        return cell
    if isinstance(param, Choice):
        return next((v for v in param.values if is_number(v) and v == cell), cell)
    return _whole(cell) if param.contains(_whole(cell)) else cell


def _param(column: Cells) -> Param:
    known: Sequence[Scalar] = [
        c for c in _known(column) if not isinstance(c, float) or is_number(c)
    ]
    distinct = sorted(set(known))
    if len(distinct) <= MOST_CHOICES or not is_number(distinct[0]):
        return Choice(*distinct)
    low, high = float(distinct[0]), float(distinct[-1])
    wide = low > 0.0 and high / low >= DECADE
    return Float(low, high, log=wide and _is_logarithmic([float(c) for c in known]))


def _is_logarithmic(values: Sequence[float]) -> bool:
    """Whether the logarithms are more evenly spread than the values."""
    return _unevenness(np.log(values)) < _unevenness(np.array(values))


def _unevenness(places: npt.NDArray[np.float64]) -> float:
    """Largest distance to an even spread, as in the Kolmogorov-Smirnov statistic."""
    unit = (np.sort(places) - places.min()) / np.ptp(places)
    even = (np.arange(len(unit)) + 0.5) / len(unit)
    return float(np.abs(unit - even).max())
