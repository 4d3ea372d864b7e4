"""The one border between running a sweep and analysing it.

Storage turns finished trials into a ``TrialTable``; importance, tables and plots read
only this record, so that none of them needs to know Optuna or the database.

Convention: in the analysis higher is better. ``Row.value`` is the objective as measured;
``TrialTable.y`` is negated for a study that minimises.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from sweep.errors import StorageError, fault
from sweep.native import native, native_tree
from sweep.plain import PlainData
from sweep.rows import Direction, Dropped, Failed, Row, Sampling
from sweep.space import Space
from sweep.trial import Scalar

__all__ = ["Direction", "Dropped", "Failed", "Row", "Sampling", "TrialTable"]


@dataclass(frozen=True, kw_only=True)
class TrialTable(PlainData):
    """The trials of a study, one row per COMPLETE trial, in order of number.

    Made by ``from_rows``, ``from_arrays`` or ``from_frame``, which set unusable rows apart;
    nothing is lost silently.

    Attributes:
        space: the search space the trials were drawn from.
        direction: which way the objective improves.
        rows: the usable COMPLETE trials.
        counts: number of trials by Optuna state (``COMPLETE``, ``FAIL``, ``PRUNED``, ...).
        dropped: COMPLETE trials that could not be used.
        derived: names of columns computed from the sampled ones.
        sampling: how the configurations were chosen.
        fixed: what was held fixed, by name.
        failed: trials that ended without a value.
        notes: what was lost on the way to this table, one sentence each.
    """

    space: Space
    direction: Direction = "maximize"
    rows: tuple[Row, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    dropped: tuple[Dropped, ...] = ()
    derived: tuple[str, ...] = ()
    sampling: Sampling = "unknown"
    fixed: Mapping[str, Any] = field(default_factory=dict)
    failed: tuple[Failed, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def from_rows(
        cls,
        rows: Iterable[Row],
        *,
        space: Space,
        direction: Direction = "maximize",
        counts: Mapping[str, int] | None = None,
        sampling: Sampling = "unknown",
        fixed: Mapping[str, Any] | None = None,
    ) -> Self:
        """Build the table, setting rows apart that no analysis can use.

        Args:
            rows: the COMPLETE trials, in any order.
            space: the search space they were drawn from.
            direction: which way the objective improves.
            counts: number of trials by state; counted from ``rows`` when not given.
            sampling: how the configurations were chosen.
            fixed: what was held fixed, by name.

        Returns:
            A table whose rows are finite, lie in the space and are sorted by number.
        """
        ordered = sorted(map(_plain, rows), key=lambda row: row.number)
        sorted_out = [(row, _dropped(row, space)) for row in ordered]
        return cls(
            space=space,
            direction=direction,
            rows=tuple(row for row, dropped in sorted_out if dropped is None),
            counts={"COMPLETE": len(ordered)} if counts is None else dict(counts),
            dropped=tuple(dropped for _, dropped in sorted_out if dropped is not None),
            sampling=sampling,
            fixed=dict(fixed or {}),
        )

    def __len__(self) -> int:
        """How many usable trials."""
        return len(self.rows)

    @property
    def names(self) -> tuple[str, ...]:
        """Column names: the sampled parameters in the space's order, then the derived."""
        return (*self.space, *self.derived)

    @property
    def y(self) -> npt.NDArray[np.float64]:
        """The objective with higher better, shape ``(n,)``: negated when minimising."""
        sign = 1.0 if self.direction == "maximize" else -1.0
        return sign * np.array([row.value for row in self.rows], dtype=np.float64)

    @property
    def configurations(self) -> npt.NDArray[np.intp]:
        """Which configuration each row is, shape ``(n,)``: replicate seeds share an index."""
        index: dict[tuple[Scalar, ...], int] = {}
        keys = (tuple(row.values[name] for name in self.space) for row in self.rows)
        return np.array([index.setdefault(key, len(index)) for key in keys], dtype=np.intp)

    def only(self, keep: Callable[[Row], bool]) -> TrialTable:
        """The same table with the rows for which ``keep`` is true; all else stays as it is.

        Example:
            >>> table = TrialTable.from_arrays({"x": [1, 2, 3]}, [0.1, 0.2, 0.3])
            >>> len(table.only(lambda row: row.value > 0.1))
            2
        """
        return replace(self, rows=tuple(row for row in self.rows if keep(row)))

    def column(self, name: str) -> npt.NDArray[Any]:
        """One parameter's values, shape ``(n,)``: floats if all are numbers, else strings.

        Raises:
            StorageError: if there is no such column.
        """
        if name not in self.names:
            raise StorageError(fault("a column", f"be one of {list(self.names)}", name))
        values = [row.values[name] for row in self.rows]
        numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
        return np.array(values, dtype=np.float64 if numbers else np.str_)

    def with_derived(
        self, name: str, compute: Callable[[Mapping[str, Scalar]], float]
    ) -> TrialTable:
        """The same table with one more column, computed from each row's values.

        Args:
            name: the new column; must not exist yet.
            compute: from a row's values to the derived figure.

        Raises:
            StorageError: if the column exists.

        Example:
            >>> from sweep.space import Choice
            >>> space = Space({"rank": Choice(2, 4), "alpha": Choice(4, 8)})
            >>> table = TrialTable.from_rows([Row(0, {"rank": 2, "alpha": 8}, 0.2)], space=space)
            >>> wide = table.with_derived("scaling", lambda v: float(v["alpha"]) / float(v["rank"]))
            >>> wide.column("scaling").tolist()
            [4.0]
        """
        if name in self.names:
            raise StorageError(fault("a derived column", "have a name not in use", name))
        rows = (replace(row, values={**row.values, name: compute(row.values)}) for row in self.rows)
        return replace(self, rows=tuple(rows), derived=(*self.derived, name))


def _plain(row: Row) -> Row:
    """The row with plain values, so that NumPy's 8 is the 8 that a space offers."""
    return replace(row, values=native_tree(row.values), value=native(row.value))


def _dropped(row: Row, space: Space) -> Dropped | None:
    """Why a row cannot be analysed; None when it can."""
    if row.reused_from is not None:
        reason = f"it has the result of trial {row.reused_from}, which counts once"
        return Dropped(row.number, reason)
    if not math.isfinite(row.value):
        return Dropped(row.number, f"its value is {row.value}", no_value=True)
    missing = [name for name in space if name not in row.values]
    if missing:
        return Dropped(row.number, f"it has no {', '.join(missing)}")
    outside = [name for name in space if not space[name].contains(row.values[name])]
    if outside:
        shown = ", ".join(f"{name}={row.values[name]!r}" for name in outside)
        return Dropped(row.number, f"{shown} lies outside the search space")
    return None
