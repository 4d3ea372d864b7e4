"""From a prepared split to padded tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
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


@dataclass(frozen=True)
class Batch:
    """Windows padded on the right to one length.

    Attributes:
        input_ids: shape (windows, length).
        attention_mask: 1 on tokens, 0 on padding; shape (windows, length).
        labels: ``IGNORED`` on special tokens and padding; shape (windows, length).
    """

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    labels: torch.Tensor


def collate(
    windows: Windows, indices: Sequence[int], pad_token_id: int, device: torch.device
) -> Batch:
    """Pad the windows at ``indices`` to the longest of them."""
    ids = [torch.from_numpy(windows.input_ids[i]) for i in indices]
    labels = [torch.from_numpy(windows.labels[i]) for i in indices]
    pad = torch.nn.utils.rnn.pad_sequence
    return Batch(
        input_ids=pad(ids, batch_first=True, padding_value=pad_token_id).to(device),
        attention_mask=pad([torch.ones_like(row) for row in ids], batch_first=True).to(device),
        labels=pad(labels, batch_first=True, padding_value=IGNORED).to(device),
    )
