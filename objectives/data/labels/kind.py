"""The interface of a kind of label."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from objectives.data.chain import IGNORED, Chain

Given = Mapping[str, Sequence[Chain]]  # split name to its chains


class LabelKind(ABC):
    """A kind of label: what is read from a cell, checked, and given to the loss.

    A kind labels either each residue or the whole sequence. ``Chain.labels`` holds what ``read``
    returned; ``encode`` turns it into numbers once all chains are known.

    Args:
        column: name of the column of labels, if the user gave one.

    Attributes:
        per_residue: whether there is one label per residue.
        takes_sites: whether labels can be derived from the sites of a ligand.
        contradicts: whether different labels of one record are an error; else ``unite`` takes all.
        unknown: label of a residue that is left out of loss and metrics.
        absent: label of a residue of which a list of sites says nothing.
        tiers: names of the column of labels, in lower case; the first tier that a table has
            counts.
        form: what a column holds, for messages.
    """

    per_residue: ClassVar[bool] = True
    takes_sites: ClassVar[bool] = False
    contradicts: ClassVar[bool] = True
    unknown: ClassVar[Any] = None
    absent: ClassVar[Any] = None
    tiers: ClassVar[tuple[tuple[str, ...], ...]] = (("label", "labels", "target", "targets"),)
    form: ClassVar[str] = ""

    def __init__(self, column: str | None = None) -> None:
        self.column = None if column is None else column.strip().lower()

    @property
    def columns(self) -> tuple[str, ...]:
        """All names that the column of labels may have."""
        if self.column is not None:
            return (self.column,)
        return tuple(name for tier in self.tiers for name in tier)

    def found(self, columns: Sequence[str]) -> list[str]:
        """The columns of a table that may hold the labels; more than one is an error."""
        tiers = self.tiers if self.column is None else ((self.column,),)
        held = ([name for name in tier if name in columns] for tier in tiers)
        return next((names for names in held if names), [])

    @abstractmethod
    def read(self, cell: object, sequence: str, where: str) -> tuple[Any, ...] | None:
        """The labels in a cell; None if it holds none, and the record is left out and counted.

        Args:
            cell: of a table, or the text below or beside a FASTA record.
            sequence: the residues.
            where: file and line, for messages.

        Raises:
            DataError: with all errors of the labels.
        """

    def sites(self, labels: tuple[Any, ...]) -> tuple[int, ...]:
        """0-based positions of the residues that bind the record's ligand, if it names one."""
        del labels
        return ()

    def of_ligands(self, chain: Chain) -> Chain:
        """The chain with labels of this kind, derived from the ligands of its residues.

        Used for formats that list sites (if ``takes_sites``), and for the embedded data.

        Args:
            chain: with binding labels (1, 0, ``IGNORED``) and ligands.

        Raises:
            DataError: if they do not follow from its ligands.
        """
        return chain

    @abstractmethod
    def unite(self, group: Sequence[Chain]) -> tuple[Any, ...]:
        """The labels of several records of one sequence.

        Raises:
            DataError: if they contradict each other.
        """

    def faults(self, given: Given, source: str) -> list[str]:
        """Errors of the splits that make training or scoring impossible."""
        del given, source
        return []

    def notes(self, given: Given) -> list[str]:
        """Remarks on the labels of the splits."""
        del given
        return []

    @abstractmethod
    def facts(self, given: Given) -> dict[str, Any]:
        """What must be known of all labels to encode one, as JSON values."""

    @abstractmethod
    def encode(self, chains: Sequence[Chain], facts: Mapping[str, Any]) -> NDArray[Any]:
        """The labels as numbers.

        Args:
            chains: at least one.
            facts: of the data set, see ``facts``.

        Returns:
            Per residue: shape (residues of all chains,), integers with ``IGNORED`` or floats with
            NaN where unknown. Per sequence: float32 of shape (chains, numbers of one chain).
        """

    @abstractmethod
    def counts(self, chains: Sequence[Chain]) -> dict[str, Any]:
        """Statistics of the labels of a split, as JSON values."""


def agreed(labels: Sequence[Any], unknown: object) -> tuple[Any, bool]:
    """The one label that several records give, and whether they contradict each other."""
    known = list(dict.fromkeys(label for label in labels if label != unknown))
    return (known[0] if len(known) == 1 else unknown), len(known) > 1


def ignored(numbers: NDArray[Any]) -> NDArray[np.bool_]:
    """Where encoded labels are unknown: ``IGNORED`` among integers, NaN among floats."""
    if np.issubdtype(numbers.dtype, np.floating):
        return np.isnan(numbers)
    missing: NDArray[np.bool_] = numbers == IGNORED
    return missing
