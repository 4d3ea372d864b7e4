"""``TrialTable``, the interface between storage and analysis.

Storage converts finished trials to a ``TrialTable``; importance, tables and plots read only
this record, so none of them depends on Optuna or the database.

In the analysis, higher is better: ``Row.value`` is the objective as measured, ``TrialTable.y``
is negated for a study that minimises.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self, get_args

import numpy as np
import numpy.typing as npt

from sweep.analysis.rows import Direction, Dropped, Failed, Row, Sampling, rows_of
from sweep.errors import SpecError, StorageError, fault
from sweep.study.native import native, native_tree
from sweep.study.space import Space
from sweep.study.trial import Scalar

__all__ = ["Direction", "Dropped", "Failed", "Row", "Sampling", "TrialTable"]


@dataclass(frozen=True, kw_only=True)
class TrialTable:
    """The trials of a study, one row per COMPLETE trial, in order of number.

    Created by ``from_rows``, ``from_arrays`` or ``from_frame``, which move unusable rows to
    ``dropped`` with a reason.

    Attributes:
        space: the search space the trials were sampled from.
        direction: ``maximize`` or ``minimize``.
        rows: the usable COMPLETE trials.
        counts: number of trials by Optuna state (``COMPLETE``, ``FAIL``, ``PRUNED``, ...).
        dropped: COMPLETE trials that could not be used.
        derived: names of columns computed from the sampled ones.
        sampling: how the configurations were chosen.
        fixed: settings that were held fixed, by name.
        failed: trials that ended without a value.
        notes: warnings about data lost when the table was built, one sentence each.
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
        """Build the table, moving rows that cannot be analysed to ``dropped``.

        Args:
            rows: the COMPLETE trials, in any order.
            space: the search space they were sampled from.
            direction: ``maximize`` or ``minimize``.
            counts: number of trials by state; counted from ``rows`` when not given.
            sampling: how the configurations were chosen.
            fixed: settings that were held fixed, by name.

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

    @classmethod
    def from_arrays(  # noqa: PLR0913 - one argument per column of a row
        cls,
        columns: Mapping[str, npt.ArrayLike],
        values: npt.ArrayLike,
        *,
        space: Space | None = None,
        direction: Direction = "maximize",
        seeds: npt.ArrayLike | None = None,
        sizes: npt.ArrayLike | None = None,
        phases: npt.ArrayLike | None = None,
        collapsed: npt.ArrayLike | None = None,
        sampling: Sampling = "designed",
        fixed: Mapping[str, Any] | None = None,
    ) -> Self:
        """Build the table from plain arrays.

        Values are not normalised: in a space of target sets, "key+query+value" is valid but its
        alias "qkv" is not. A configuration that appears twice with the same seed stays two rows.

        Args:
            columns: parameter name to its values, each of shape ``(n,)``; None or NaN is missing.
            values: the objective, shape ``(n,)``; rows with a non-finite value are ``dropped``.
            space: the search space; when None, strings and booleans are unordered choices,
                numbers of at most 12 distinct values ordered ones, and other numbers a range
                (logarithmic if all are positive, span a factor of 10 and are more evenly spread
                in log scale).
            direction: ``maximize`` or ``minimize``.
            seeds: each row's seed, whole numbers, shape ``(n,)``; 0 when None.
            sizes: each row's trainable parameters, shape ``(n,)``.
            phases: each row's phase, shape ``(n,)``.
            collapsed: whether each run's training collapsed, shape ``(n,)``.
            sampling: how the configurations were chosen.
            fixed: settings that were held fixed, by name.

        Raises:
            SpecError: with every fault of the arguments.

        Example:
            >>> from sweep.analysis.table import TrialTable
            >>> TrialTable.from_arrays({"rank": [2, 4, 4]}, [0.1, 0.2, 0.3]).space["rank"]
            Choice(values=(2, 4))
        """
        faults = [
            fault(name, f"be one of {list(get_args(known))}", given)
            for name, given, known in (
                ("direction", direction, Direction),
                ("sampling", sampling, Sampling),
            )
            if given not in get_args(known)
        ]
        more = {"seed": seeds, "size": sizes, "phase": phases, "collapsed": collapsed}
        try:
            rows, space = rows_of(columns, values, space, **more)
        except SpecError as error:
            raise SpecError([*faults, *error.faults]) from None
        if faults:
            raise SpecError(faults)
        return cls.from_rows(rows, space=space, direction=direction, sampling=sampling, fixed=fixed)

    @classmethod
    def from_frame(  # noqa: PLR0913 - the names of the columns
        cls,
        frame: Any,
        value: str = "value",
        *,
        space: Space | None = None,
        seed: str = "seed",
        size: str = "size",
        collapsed: str = "collapsed",
        phase: str = "phase",
        direction: Direction = "maximize",
        sampling: Sampling = "designed",
        fixed: Mapping[str, Any] | None = None,
    ) -> Self:
        """Build the table from a pandas DataFrame; its index and ``attrs`` are ignored.

        Args:
            frame: the ``pandas.DataFrame``, one row per trial, shape ``(n, k)``.
            value: the column of the objective.
            space: see ``from_arrays``; when given, only its parameters' columns are read; when
                None, every column not named by another argument is a parameter.
            seed: the column of seeds, if present.
            size: the column of trainable parameters, if present.
            collapsed: the column of the collapsed flag, if present.
            phase: the column of phases, if present.
            direction: ``maximize`` or ``minimize``.
            sampling: how the configurations were chosen.
            fixed: settings that were held fixed, by name.

        Raises:
            SpecError: with every fault of the frame.
        """
        own = (value, seed, size, collapsed, phase)
        if value not in frame:
            way_out = "Name the objective's column with value="
            raise SpecError(
                fault("a frame", f"have the column {value!r}", list(frame), way_out=way_out)
            )
        chosen = [n for n in frame if n not in own and (space is None or n in space)]
        read = {name: frame[name] for name in own if name in frame}
        return cls.from_arrays(
            {name: frame[name] for name in chosen},
            frame[value],
            space=space,
            direction=direction,
            seeds=read.get(seed),
            sizes=read.get(size),
            phases=read.get(phase),
            collapsed=read.get(collapsed),
            sampling=sampling,
            fixed=fixed,
        )

    def __len__(self) -> int:
        """Number of usable trials."""
        return len(self.rows)

    @property
    def names(self) -> tuple[str, ...]:
        """Column names: the sampled parameters in the space's order, then the derived."""
        return (*self.space, *self.derived)

    @property
    def y(self) -> npt.NDArray[np.float64]:
        """The objective, negated when minimising so that higher is better, shape ``(n,)``."""
        sign = 1.0 if self.direction == "maximize" else -1.0
        return sign * np.array([row.value for row in self.rows], dtype=np.float64)

    @property
    def configurations(self) -> npt.NDArray[np.intp]:
        """Configuration index of each row, shape ``(n,)``; seeds of a configuration share one."""
        index: dict[tuple[Scalar, ...], int] = {}
        keys = (tuple(row.values[name] for name in self.space) for row in self.rows)
        return np.array([index.setdefault(key, len(index)) for key in keys], dtype=np.intp)

    def only(self, keep: Callable[[Row], bool]) -> TrialTable:
        """The table with only the rows for which ``keep`` is true; other fields are unchanged.

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
        """The table with one more column, computed from each row's values.

        Args:
            name: the new column; must not exist yet.
            compute: maps a row's values to the new value.

        Raises:
            StorageError: if the column exists.

        Example:
            >>> from sweep import Choice
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
    """The row with NumPy scalars as Python scalars, as the search space holds them."""
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
