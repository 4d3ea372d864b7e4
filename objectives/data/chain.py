"""One labelled protein chain, the record that every data format is read into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CLASSES = 2  # number of label classes of a residue: binding, not binding
IGNORED = -100  # label of a position left out of loss and metrics (PyTorch's ``ignore_index``)


@dataclass(frozen=True)
class Chain:
    """A protein chain with its labels."""

    id: str  # its name in messages and tables (``3C16_A``)
    sequence: str  # one upper-case letter per residue
    # what the kind of label read: of binding sites as long as ``sequence``, 1 binding, 0 not,
    # ``IGNORED`` unknown
    labels: tuple[Any, ...]
    ligands: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # to 0-based positions
    source: str = ""  # file and line, or data set and row, for messages
    family: str = ""  # protein families, as UniProt writes them; empty if unknown
    split: str = field(default="", compare=False)  # that the record itself names; else empty
    # the source labels every residue; if it lists sites only, other records of the chain may add
    whole: bool = field(default=True, compare=False)
    # the source ends the sequence in ``*``, as translated proteins do: no check of its letters
    translated: bool = field(default=False, compare=False)
