"""Tables from plain arrays and data frames, for whoever has no study: a simulator, a notebook."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol, Self, get_args

import numpy.typing as npt

from sweep.columns import rows_of
from sweep.errors import SpecError, fault
from sweep.rows import Direction, Row, Sampling
from sweep.space import Space


class Frame(Protocol):
    """What is used of a ``pandas.DataFrame``, so that pandas need not be imported."""

    def __iter__(self) -> Iterator[Any]:
        """The names of the columns."""
        ...

    def __contains__(self, name: object, /) -> bool:
        """Whether there is a column of that name."""
        ...

    def __getitem__(self, name: Any, /) -> Any:
        """The column of that name."""
        ...


class PlainData(ABC):
    """Constructors of ``TrialTable`` from plain data."""

    @classmethod
    @abstractmethod
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
        """See ``TrialTable``."""

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
        """Build the table from plain arrays, as a simulator has them.

        Nothing is put into canonical form: with a space of target sets, "qkv" lies outside it
        where "key+query+value" does not. A configuration that comes twice with one seed stays
        two rows.

        Args:
            columns: parameter name to its values, each of shape ``(n,)``; None or NaN is missing.
            values: the objective, shape ``(n,)``; not finite puts the row among ``dropped``.
            space: the search space; when None, strings and booleans are unordered choices,
                numbers of at most 12 distinct values ordered ones, and other numbers a range
                (logarithmic if all are positive and span a factor of 10).
            direction: which way the objective improves.
            seeds: each row's seed, whole numbers, shape ``(n,)``; 0 when None.
            sizes: each row's trainable parameters, shape ``(n,)``.
            phases: each row's phase, shape ``(n,)``.
            collapsed: whether each row came to nothing, shape ``(n,)``.
            sampling: how the configurations were chosen.
            fixed: what was held fixed, by name.

        Raises:
            SpecError: with every fault of the arguments.

        Example:
            >>> from sweep.table import TrialTable
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
        frame: Frame,
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
        """Build the table from a DataFrame of pandas; its index and ``attrs`` are ignored.

        Args:
            frame: one row per trial, shape ``(n, k)``.
            value: the column of the objective.
            space: see ``from_arrays``; when given, its parameters' columns are read and others
                are not; when None, every column not named here is a parameter.
            seed: the column of seeds, read if there.
            size: the column of trainable parameters, read if there.
            collapsed: the column that says whether the row came to nothing, read if there.
            phase: the column of phases, read if there.
            direction: which way the objective improves.
            sampling: how the configurations were chosen.
            fixed: what was held fixed, by name.

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
