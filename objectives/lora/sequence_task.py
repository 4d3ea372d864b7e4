"""The common part of tasks that label whole sequences: pooling over the tokens of a sequence."""

from __future__ import annotations

from abc import abstractmethod
from itertools import pairwise

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray

from objectives.data.prepare.windows import Windows
from objectives.lora.packed.device import to_device
from objectives.lora.packed.layout import LaneBatch
from objectives.lora.settings import BindingSettings
from objectives.lora.task import Task, labelled
from sweep.errors import fault


class SequenceTask(Task):
    """A task with one prediction per sequence.

    The logits of a sequence are pooled over the residues of all its windows, each once: ``mean``;
    ``cls``, the first token of the first window; or ``attention``, the mean weighted by the
    softmax of one more output of the head. The last layer of the head is linear, so that this
    equals pooling the states before it (Schmirler et al. 2024, doi:10.1038/s41467-024-51844-2,
    pool by the mean).
    """

    pools = True

    @classmethod
    def faults(cls, settings: BindingSettings) -> list[str]:
        """Also of ``label_shift``, as there is no label of a residue."""
        found = super().faults(settings)
        if settings.label_shift:
            rule = "be 0 where whole sequences are labelled"
            found.append(fault("settings.label_shift", rule, settings.label_shift))
        return found

    @property
    def outputs(self) -> int:
        """Those of the task, and one that weights the residues."""
        return self.width + (self.settings.pooling == "attention")

    @property
    @abstractmethod
    def width(self) -> int:
        """Number of outputs that are predictions."""

    def places(self, windows: Windows) -> NDArray[np.int64]:
        """One prediction per sequence."""
        return np.arange(len(windows.units) + 1)

    def chains(self, split: Dataset, windows: Windows) -> NDArray[np.int64]:
        """The chain of each prediction."""
        del split
        return firsts(windows, range(len(windows)))[1]

    def pooled(self, logits: torch.Tensor, batch: LaneBatch) -> torch.Tensor:
        """The logits of each sequence of a batch.

        Args:
            logits: shape (tokens, outputs).
            batch: of whole sequences.

        Returns:
            Shape (sequences, width).
        """
        starts, _ = firsts(batch.windows, batch.indices)
        tokens = np.concatenate([[0], np.cumsum(batch.lengths)])
        device = logits.device
        if self.settings.pooling == "cls":
            return logits[to_device(tokens[starts], device)]
        bounds = [*tokens[starts], tokens[-1]]
        rows = labelled(batch, device)
        numbers = np.repeat(np.arange(len(starts)), [b - a for a, b in pairwise(bounds)])
        member = to_device(numbers, device)[rows]
        kept = logits[rows]
        if self.settings.pooling == "attention":
            weights = _softmax(kept[:, -1], member, len(starts))
            kept = kept[:, :-1]
        else:
            sizes = torch.bincount(member, minlength=len(starts)).to(kept.dtype)
            weights = 1 / sizes[member]
        zero = kept.new_zeros(len(starts), self.width)
        return zero.index_add(0, member, kept * weights[:, None])

    def read(self, logits: torch.Tensor, batch: LaneBatch) -> torch.Tensor:
        """The pooled logits of each sequence."""
        return torch.stack([self.pooled(each, batch) for each in logits]).double()

    def wanted(self, batch: LaneBatch, device: torch.device) -> torch.Tensor:
        """The labels of each sequence of a batch as numbers, shape (sequences, numbers)."""
        return to_device(targets_of(batch.windows, batch.indices), device)


def firsts(windows: Windows, indices: object) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each sequence begins among windows, and its chain.

    Args:
        windows: of whole sequences.
        indices: of windows, those of a sequence next to each other.
    """
    if windows.chains is None:
        raise ValueError("the windows must be those of labelled sequences.")
    chains = windows.chains[np.asarray(indices, dtype=np.int64)]
    starts = np.flatnonzero(np.diff(chains, prepend=-1))
    return starts, chains[starts]


def targets_of(windows: Windows, indices: object) -> NDArray[np.float32]:
    """The labels of the sequences of some windows, shape (sequences, numbers)."""
    starts, _ = firsts(windows, indices)
    if windows.targets is None:
        raise ValueError("the windows must be those of labelled sequences.")
    order = np.asarray(indices, dtype=np.int64)[starts].tolist()
    return np.stack([windows.targets[index] for index in order])


def _softmax(scores: torch.Tensor, member: torch.Tensor, count: int) -> torch.Tensor:
    """Softmax of scores within each sequence, shape (rows,)."""
    low = scores.new_full((count,), -torch.inf)
    top = low.scatter_reduce(0, member, scores.detach(), "amax")
    powers = (scores - top[member]).exp()
    return powers / scores.new_zeros(count).index_add(0, member, powers)[member]
