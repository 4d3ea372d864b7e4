"""Tokenised windows of unequal length, memory-mapped and read row by row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, overload

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray

from objectives.data.chain import IGNORED
from objectives.data.labels.kind import ignored

Row = NDArray[Any]  # int64, or float32


class RaggedColumn(Sequence[Row]):
    """A list column of a memory-mapped table; a row is loaded only when it is read.

    Args:
        parts: the column's values, one array for each of the table's chunks.
        part: index of the chunk of each row, shape (rows,).
        starts: offset of each row in its chunk, shape (rows,).
        lengths: of each row, shape (rows,).
    """

    def __init__(
        self,
        parts: Sequence[NDArray[Any]],
        part: NDArray[np.int32],
        starts: NDArray[np.int64],
        lengths: NDArray[np.int64],
    ) -> None:
        self._parts = parts
        self._part = part
        self._starts = starts
        self.lengths = lengths

    @classmethod
    def of_column(cls, table: Dataset, name: str) -> RaggedColumn:
        """Open a list column of a table."""
        chunks = table.with_format("arrow")[:].column(name).chunks
        ends = [chunk.offsets.to_numpy() for chunk in chunks]
        return cls(
            [chunk.values.to_numpy(zero_copy_only=True) for chunk in chunks],
            np.repeat(np.arange(len(chunks), dtype=np.int32), [len(chunk) for chunk in chunks]),
            np.concatenate([np.zeros(0, np.int64), *(each[:-1] for each in ends)]),
            np.concatenate([np.zeros(0, np.int64), *(np.diff(each) for each in ends)]),
        )

    def __len__(self) -> int:
        """Number of rows."""
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> RaggedColumn: ...
    def __getitem__(self, index: int | slice) -> Row | RaggedColumn:
        """Read a row."""
        if isinstance(index, slice):
            return self.select(range(*index.indices(len(self))))
        start, part = self._starts[index], self._parts[self._part[index]]
        floats = np.issubdtype(part.dtype, np.floating)
        kind = np.float32 if floats else np.int64
        return part[start : start + self.lengths[index]].astype(kind)

    def select(self, indices: Sequence[int]) -> RaggedColumn:
        """The rows at ``indices``, in that order; does not read them."""
        order = np.asarray(indices, dtype=np.int64)
        return RaggedColumn(
            self._parts, self._part[order], self._starts[order], self.lengths[order]
        )

    def counted(self) -> NDArray[np.int64]:
        """Number of known labels in each row, shape (rows,)."""
        found = np.zeros(len(self), dtype=np.int64)
        for number, part in enumerate(self._parts):
            here = self._part == number
            if here.any():
                before = np.concatenate([[0], np.cumsum(~ignored(part))])
                starts = self._starts[here]
                found[here] = before[starts + self.lengths[here]] - before[starts]
        return found


class ShiftedColumn(Sequence[Row]):
    """Rows with every value shifted one position to the front.

    Args:
        rows: the rows.
        fill: value at the last position.
    """

    def __init__(self, rows: Sequence[Row], fill: int) -> None:
        self._rows = rows
        self._fill = fill

    def __len__(self) -> int:
        """Number of rows."""
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> ShiftedColumn: ...
    def __getitem__(self, index: int | slice) -> Row | ShiftedColumn:
        """Read a row."""
        if isinstance(index, slice):
            return ShiftedColumn(self._rows[index], self._fill)
        return np.append(self._rows[index][1:], self._fill)


def chosen(rows: Sequence[Row], indices: Sequence[int]) -> Sequence[Row]:
    """The rows at ``indices``, in that order."""
    return (
        rows.select(indices) if isinstance(rows, RaggedColumn) else tuple(rows[i] for i in indices)
    )


def counted(rows: Sequence[Row]) -> NDArray[np.int64]:
    """Number of known labels in each row, shape (rows,)."""
    if isinstance(rows, RaggedColumn):
        return rows.counted()
    return np.fromiter((np.count_nonzero(~ignored(row)) for row in rows), np.int64, len(rows))


def joined(rows: Sequence[Row], at_once: int = 4096) -> Iterator[Row]:
    """Yield the rows concatenated, ``at_once`` of them at a time."""
    for first in range(0, len(rows), at_once):
        yield np.concatenate(rows[first : first + at_once])


@dataclass(frozen=True)
class Windows:
    """The windows of a split, one array each; memory-mapped if prepared on disk."""

    input_ids: Sequence[NDArray[np.int64]]  # token ids, special tokens included, (length,) each
    # ``IGNORED`` (NaN among floats) if unknown, owned by another window or a special token; each of
    # shape (length,). 0 at every other token if ``targets`` are given
    labels: Sequence[Row]
    ligands: Sequence[NDArray[np.int64]]  # bit masks, (length,) each
    targets: Sequence[Row] | None = None  # numbers that label the whole sequence of each window
    chains: NDArray[np.int64] | None = None  # chain of each window, shape (windows,); with targets

    @classmethod
    def from_dataset(cls, split: Dataset) -> Windows:
        """Open a prepared split, memory-mapped."""
        names = ("input_ids", "labels", "ligands", "targets")
        held = [name for name in names if name in split.column_names]
        chains = np.asarray(split["chain"], dtype=np.int64) if "targets" in held else None
        return cls(**{name: RaggedColumn.of_column(split, name) for name in held}, chains=chains)

    def __len__(self) -> int:
        """Number of windows."""
        return len(self.input_ids)

    @cached_property
    def lengths(self) -> list[int]:
        """Number of tokens of each window."""
        ids = self.input_ids
        return ids.lengths.tolist() if isinstance(ids, RaggedColumn) else [len(row) for row in ids]

    @cached_property
    def known(self) -> NDArray[np.int64]:
        """Number of labelled tokens of each window, shape (windows,)."""
        return counted(self.labels)

    @cached_property
    def units(self) -> list[list[int]]:
        """Windows that must be in one batch: those of one sequence if it has targets, else each."""
        if self.chains is None:
            return [[index] for index in range(len(self))]
        starts = np.flatnonzero(np.diff(self.chains, prepend=-1)).tolist()
        return [list(range(a, b)) for a, b in pairwise([*starts, len(self)])]

    @property
    def unit_lengths(self) -> list[int]:
        """Number of tokens of each unit."""
        if self.chains is None:
            return self.lengths
        return [sum(self.lengths[index] for index in unit) for unit in self.units]

    def shifted(self) -> Windows:
        """Every label moved to the token before its own: the first residue's to the start token.

        Only for windows that begin with a special token.
        """
        return Windows(
            self.input_ids, ShiftedColumn(self.labels, IGNORED), ShiftedColumn(self.ligands, 0)
        )

    def labelled(self) -> Windows:
        """The windows with at least one label, as a batch without labels would have no loss."""
        return self.select(np.flatnonzero(self.known).tolist())

    def select(self, indices: Sequence[int]) -> Windows:
        """The windows at ``indices``, in that order."""
        return Windows(
            input_ids=chosen(self.input_ids, indices),
            labels=chosen(self.labels, indices),
            ligands=chosen(self.ligands, indices),
            targets=None if self.targets is None else chosen(self.targets, indices),
            chains=None if self.chains is None else self.chains[np.asarray(indices, np.int64)],
        )


def known_of(windows: Windows) -> tuple[Row, Row]:
    """The labels and ligand masks of all labelled tokens, each of shape (labelled,)."""
    labels, ligands = [], []
    for row, masks in zip(joined(windows.labels), joined(windows.ligands), strict=True):
        known = ~ignored(row)
        labels.append(row[known])
        ligands.append(masks[known])
    return np.concatenate(labels), np.concatenate(ligands)
