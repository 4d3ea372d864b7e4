"""Labels that are sets of names, such as GO terms or EC numbers of a sequence."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from objectives.data.chain import Chain
from objectives.data.errors import listed, shown
from objectives.data.labels.kind import Given, LabelKind
from objectives.data.protein import is_missing
from sweep.errors import DataError, fault

_BETWEEN = re.compile(r"[;,|\s]+")
_OUTER = "[](){}"


class SequenceLabels(LabelKind):
    """Any number of names per sequence."""

    per_residue = False
    takes_sites = True
    contradicts = False
    tiers = (("labels", "positions"), ("label", "classes", "targets", "target"))
    form = "'labels' (names separated by ';') and 'positions' (of the sites of a 'ligand')"

    def read(self, cell: object, sequence: str, where: str) -> tuple[str, ...] | None:
        """The names in a list or text; None for a missing cell, ``[]`` for none."""
        del sequence
        if cell is None or (isinstance(cell, str) and is_missing(cell)):
            return None
        if isinstance(cell, (list, tuple)):
            items = [str(each).strip() for each in cell]
        elif isinstance(cell, (str, int)):
            text = str(cell).strip().strip(_OUTER)
            items = [each.strip("'\"") for each in _BETWEEN.split(text) if each]
        else:
            rule = "be names separated by ';', or a list"
            raise DataError(fault("labels", rule, shown(cell), where=where))
        if any(not each or is_missing(each) for each in items):
            raise DataError(fault("labels", "be names", shown(cell), where=where))
        return tuple(sorted(set(items)))

    def of_ligands(self, chain: Chain) -> Chain:
        """The names of the ligands that a chain binds."""
        return replace(chain, labels=tuple(sorted(n for n, at in chain.ligands.items() if at)))

    def unite(self, group: Sequence[Chain]) -> tuple[str, ...]:
        """The names of all records."""
        return tuple(sorted({name for chain in group for name in chain.labels}))

    def faults(self, given: Given, source: str) -> list[str]:
        """An error for a split without a name."""
        return [
            fault(name, "hold sequences with a label", 0, where=source, way_out="Check the column")
            for name, chains in given.items()
            if name != "test" and not any(chain.labels for chain in chains)
        ]

    def notes(self, given: Given) -> list[str]:
        """A note on names that the training split lacks."""
        trained = _count(given["train"])
        rest = {name for each in given.values() for name in _count(each)} - set(trained)
        return [f"train lacks labels that are scored: {listed(sorted(rest))}"] if rest else []

    def facts(self, given: Given) -> dict[str, Any]:
        """``classes``: the names in order."""
        return {"classes": sorted({name for each in given.values() for name in _count(each)})}

    def encode(self, chains: Sequence[Chain], facts: Mapping[str, Any]) -> NDArray[np.float32]:
        """1 for each name that a sequence has, else 0; shape (chains, names)."""
        number = {name: at for at, name in enumerate(facts["classes"])}
        hot = np.zeros((len(chains), len(number)), dtype=np.float32)
        for row, chain in zip(hot, chains, strict=True):
            row[[number[name] for name in chain.labels]] = 1
        return hot

    def counts(self, chains: Sequence[Chain]) -> dict[str, Any]:
        """``classes``: the number of sequences with each name, the most frequent first."""
        return {"classes": dict(_count(chains).most_common())}


def _count(chains: Sequence[Chain]) -> Counter[str]:
    return Counter(name for chain in chains for name in chain.labels)
