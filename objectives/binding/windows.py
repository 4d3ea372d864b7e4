"""A prepared split, read from its Arrow file window by window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray

from objectives.binding.rows import Moved, Rows, chosen, counted
from objectives.data.chain import IGNORED


@dataclass(frozen=True)
class Windows:
    """A split, one array per window; of a prepared one nothing is in memory but what is read.

    Attributes:
        input_ids: token ids, special tokens included; each of shape (length,).
        labels: 1 binding, 0 not, ``IGNORED`` on special tokens; each of shape (length,).
        ligands: bit mask of the ligands that each residue binds; each of shape (length,).
    """

    input_ids: Sequence[NDArray[np.int64]]
    labels: Sequence[NDArray[np.int64]]
    ligands: Sequence[NDArray[np.int64]]

    @classmethod
    def from_dataset(cls, split: Dataset) -> Windows:
        """Open a prepared split; its Arrow file is memory-mapped."""
        names = ("input_ids", "labels", "ligands")
        return cls(**{name: Rows.of_column(split, name) for name in names})

    def __len__(self) -> int:
        """How many windows."""
        return len(self.input_ids)

    @cached_property
    def lengths(self) -> list[int]:
        """Tokens of each window."""
        ids = self.input_ids
        return ids.lengths.tolist() if isinstance(ids, Rows) else [len(row) for row in ids]

    @cached_property
    def known(self) -> NDArray[np.int64]:
        """Labelled tokens of each window, shape (windows,)."""
        return counted(self.labels, IGNORED)

    def shifted(self) -> Windows:
        """Every label on the token before its own: the first residue's on the start token.

        Only for windows that begin with one.
        """
        return Windows(self.input_ids, Moved(self.labels, IGNORED), Moved(self.ligands, 0))

    def labelled(self) -> Windows:
        """The windows with a label at all: a batch without one would have no loss."""
        return self.select(np.flatnonzero(self.known).tolist())

    def select(self, indices: Sequence[int]) -> Windows:
        """The windows at ``indices``, in that order."""
        return Windows(
            input_ids=chosen(self.input_ids, indices),
            labels=chosen(self.labels, indices),
            ligands=chosen(self.ligands, indices),
        )
