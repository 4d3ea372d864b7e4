"""One labelled protein chain, the record every data format is read into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

CLASSES = 2
"""Of a residue: binding or not."""

IGNORED = -100
"""The label of a position that neither trains nor counts (PyTorch's ``ignore_index``)."""


@dataclass(frozen=True)
class Chain:
    """A protein chain with one label per residue.

    Attributes:
        id: what to call it in messages and tables (``3C16_A``).
        sequence: one upper-case letter per residue.
        labels: as long as ``sequence``: 1 binding, 0 not, ``IGNORED`` unknown.
        ligands: ligand name to the 0-based positions that bind it; may be empty.
        source: file and line, or data set and row, for messages.
        family: protein families, as UniProt writes them; empty where none is known.
        split: the split that the record itself names; empty where its file says it.
        whole: whether the source labels every residue; False where it lists binding sites, which
            another record of the same chain and ligand may add to.
        translated: whether the source ends the sequence in ``*``, as translated proteins end; it
            is one then, whatever its letters.
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
