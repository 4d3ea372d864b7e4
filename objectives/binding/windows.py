"""A prepared split in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray

from objectives.data.chain import IGNORED


@dataclass(frozen=True)
class Windows:
    """A split in memory, one array per window.

    Attributes:
        input_ids: token ids, special tokens included; each of shape (length,).
        labels: 1 binding, 0 not, ``IGNORED`` on special tokens; each of shape (length,).
        ligands: bit mask of the ligands that each residue binds; each of shape (length,).
    """

    input_ids: tuple[NDArray[np.int64], ...]
    labels: tuple[NDArray[np.int64], ...]
    ligands: tuple[NDArray[np.int64], ...]

    @classmethod
    def from_dataset(cls, split: Dataset) -> Windows:
        """Read a prepared split out of its Arrow file."""
        columns = split.with_format("numpy")
        arrays = {
            name: tuple(np.asarray(row, dtype=np.int64) for row in columns[name])
            for name in ("input_ids", "labels", "ligands")
        }
        return cls(**arrays)

    def __len__(self) -> int:
        """How many windows."""
        return len(self.input_ids)

    @property
    def lengths(self) -> list[int]:
        """Tokens of each window."""
        return [len(ids) for ids in self.input_ids]

    def shifted(self) -> Windows:
        """Every label on the token before its own: the first residue's on the start token."""
        return Windows(self.input_ids, _moved(self.labels, IGNORED), _moved(self.ligands, 0))

    def labelled(self) -> Windows:
        """The windows with a label at all: a batch without one would have no loss."""
        known = [i for i, row in enumerate(self.labels) if (row != IGNORED).any()]
        return self.select(known)

    def select(self, indices: Sequence[int]) -> Windows:
        """The windows at ``indices``, in that order."""
        return Windows(
            input_ids=tuple(self.input_ids[i] for i in indices),
            labels=tuple(self.labels[i] for i in indices),
            ligands=tuple(self.ligands[i] for i in indices),
        )


def _moved(rows: Sequence[NDArray[np.int64]], fill: int) -> tuple[NDArray[np.int64], ...]:
    return tuple(np.append(row[1:], fill) for row in rows)
