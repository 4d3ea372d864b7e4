"""One labelled protein chain, the record that every data format is read into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

CLASSES = 2
"""Number of label classes of a residue: binding, not binding."""

IGNORED = -100
"""Label of a position left out of loss and metrics (PyTorch's ``ignore_index``)."""


@dataclass(frozen=True)
class Chain:
    """A protein chain with one label per residue.

    Attributes:
        id: its name in messages and tables (``3C16_A``).
        sequence: one upper-case letter per residue.
        labels: as long as ``sequence``: 1 binding, 0 not, ``IGNORED`` unknown.
        ligands: ligand name to the 0-based positions that bind it; may be empty.
        source: file and line, or data set and row, for messages.
        family: protein families, as UniProt writes them; empty if unknown.
        split: the split that the record itself names; empty if only its file names one.
        whole: whether the source labels every residue; False if it only lists binding sites, to
            which another record of the same chain and ligand may add.
        translated: whether the source ends the sequence in ``*``, the stop sign of translated
            proteins; such a sequence is taken as a protein whatever its letters.
    """

    id: str
    sequence: str
    labels: tuple[int, ...]
    ligands: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    source: str = ""
    family: str = ""
    split: str = field(default="", compare=False)
    whole: bool = field(default=True, compare=False)
    translated: bool = field(default=False, compare=False)
