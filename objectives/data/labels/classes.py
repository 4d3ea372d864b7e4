"""Labels that are names of classes: one per residue, or one per sequence."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from objectives.data.chain import IGNORED, Chain
from objectives.data.errors import listed, shown
from objectives.data.labels.kind import Given, LabelKind, agreed
from objectives.data.labels.residue_cells import items_of
from objectives.data.protein import is_missing
from sweep.errors import DataError, fault

NONE = "none"  # class of a residue that binds no ligand
_UNKNOWN = {"?", str(IGNORED), f"{IGNORED}.0"}
_WHOLE = re.compile(r"(-?\d+)\.0*")
_MANY = 0.5  # share of different values among records above which they are no classes


class Classes(LabelKind):
    """Names of classes, which the data decide; the common part of both kinds."""

    def faults(self, given: Given, source: str) -> list[str]:
        """An error for a split of one class, which nothing can be learned from or scored on."""
        rule, way_out = "hold at least two classes", "Check the label column and the splits"
        return [
            fault(name, rule, listed(found) or "none", where=source, way_out=way_out)
            for name, chains in given.items()
            if name != "test" and len(found := self._count(chains)) < 2
        ]

    def notes(self, given: Given) -> list[str]:
        """A note on classes that the training split lacks, and on one that may mean unknown."""
        trained = set(self._count(given["train"]))
        lacking = {name: None for each in given.values() for name in self._count(each)}
        rest = [name for name in lacking if name not in trained]
        notes = [f"train lacks classes that are scored: {listed(rest)}"] if rest else []
        if "-" in trained:
            notes.append("'-' is read as a class: write '?' for an unknown label")
        return notes

    def facts(self, given: Given) -> dict[str, Any]:
        """``classes``: their names in order, ``none`` first."""
        names = {name for chains in given.values() for name in self._count(chains)}
        return {"classes": sorted(names, key=lambda name: (name != NONE, name))}

    def counts(self, chains: Sequence[Chain]) -> dict[str, Any]:
        """``classes``: the number of labels of each class, the most frequent first."""
        return {"classes": dict(self._count(chains).most_common())}

    def _count(self, chains: Sequence[Chain]) -> Counter[str]:
        counter: Counter[str] = Counter()
        for chain in chains:
            counter.update(label for label in chain.labels if label is not self.unknown)
        return counter


class ResidueClasses(Classes):
    """One class per residue: letters such as H, E, C, names, or the ligand that it binds."""

    takes_sites = True
    absent: ClassVar[Any] = NONE
    tiers = (("labels", "positions"), ("label", "target", "targets", "classes"))
    form = "'labels' (one class per residue) and 'positions' (of the sites of a 'ligand')"

    def read(self, cell: object, sequence: str, where: str) -> tuple[str | None, ...]:
        """One name per residue, as letters or a list; None for ``?``, ``-100`` and no value."""
        items = _letters(cell, sequence)
        if items is None:
            items = items_of("labels", cell, where)
        if items is None:
            rule = "be one class per residue, as letters or a list"
            raise DataError(fault("labels", rule, shown(cell), where=where))
        if len(items) != len(sequence):
            rule = f"be one per residue ({len(sequence)})"
            raise DataError(fault("labels", rule, len(items), where=where))
        return tuple(_name(item) for item in items)

    def of_ligands(self, chain: Chain) -> Chain:
        """The name of the ligand at its sites, ``none`` elsewhere; None where two bind."""
        if 1 in chain.labels and not chain.ligands:
            rule, way_out = "be given, as it is the class of its sites", "Add a column 'ligand'"
            raise DataError(fault("ligand", rule, "", where=chain.source, way_out=way_out))
        labels: list[str | None] = [None if each == IGNORED else NONE for each in chain.labels]
        for name, positions in chain.ligands.items():
            for at in positions:
                labels[at] = name if labels[at] in {None, NONE, name} else None
        return replace(chain, labels=tuple(labels))

    def unite(self, group: Sequence[Chain]) -> tuple[str | None, ...]:
        """Known before unknown; of sites, a ligand before ``none``, and None where two bind."""
        listing = not all(chain.whole for chain in group)
        united: list[str | None] = []
        for column in zip(*(chain.labels for chain in group), strict=True):
            named = [each for each in column if each != NONE] if listing else list(column)
            label, differ = agreed(named, self.unknown)
            if differ and not listing:
                raise DataError(_contradiction(group, f"residue {len(united) + 1}"))
            united.append(NONE if listing and label is None and NONE in column else label)
            if differ:
                united[-1] = None
        return tuple(united)

    def encode(self, chains: Sequence[Chain], facts: Mapping[str, Any]) -> NDArray[np.int16]:
        """The class number of each residue, shape (residues,)."""
        number = {name: at for at, name in enumerate(facts["classes"])}
        every = (number.get(label, IGNORED) for chain in chains for label in chain.labels)
        return np.fromiter(every, dtype=np.int16)


class SequenceClasses(Classes):
    """One class per sequence: a name, or a number that is one."""

    per_residue = False
    tiers = (("label", "labels", "class", "classes", "target", "targets"),)
    form = "'label' (one class per sequence)"

    def read(self, cell: object, sequence: str, where: str) -> tuple[str, ...] | None:
        """A class's name; None for a missing one."""
        del sequence
        if isinstance(cell, (list, tuple, dict)):
            rule = "be one class"
            raise DataError(fault("label", rule, shown(cell), where=where))
        name = _name("" if cell is None else str(cell))
        return None if name is None else (name,)

    def of_ligands(self, chain: Chain) -> Chain:
        """Whether a chain of the embedded data binds a metal."""
        return replace(chain, labels=(_metal(chain),))

    def faults(self, given: Given, source: str) -> list[str]:
        """Also an error where nearly every sequence has a class of its own."""
        found = self._count(given["train"])
        if len(found) > 10 and len(found) > _MANY * len(given["train"]):
            got = f"{len(found)} in {len(given['train'])} sequences, such as {listed(found, 3)}"
            way_out = "Use task=sequence_regression for numbers, or another label_column"
            rule = "be fewer classes"
            return [fault("labels", rule, got, where=source, way_out=way_out)]
        return super().faults(given, source)

    def unite(self, group: Sequence[Chain]) -> tuple[str, ...]:
        """The class that all records give."""
        label, differ = agreed([chain.labels[0] for chain in group], self.unknown)
        if differ:
            raise DataError(_contradiction(group, "class"))
        return (label,)

    def encode(self, chains: Sequence[Chain], facts: Mapping[str, Any]) -> NDArray[np.float32]:
        """The class number of each sequence, shape (chains, 1)."""
        number = {name: at for at, name in enumerate(facts["classes"])}
        every = [[number[chain.labels[0]]] for chain in chains]
        return np.array(every, dtype=np.float32)


def _letters(cell: object, sequence: str) -> list[str] | None:
    """One character per residue; None for anything else."""
    text = "".join(cell.split()) if isinstance(cell, str) else ""
    separated = set(text) & set(",;[]'\"")
    return list(text) if len(text) == len(sequence) and not separated else None


def _name(item: str) -> str | None:
    """A class's name; None for an unknown one. 1.0 is 1."""
    text = item.strip()
    if text in _UNKNOWN or (len(text) != 1 and is_missing(text)):
        return None
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else text


def _contradiction(group: Sequence[Chain], what: str) -> str:
    places = listed((chain.source or chain.id for chain in group), most=3)
    way_out = "Keep one of them, or give the right one"
    rule = f"agree on the {what} of one sequence"
    return fault("records", rule, f"different ones in {places}", way_out=way_out)


def _metal(chain: Chain) -> str:
    return "metal" if {"CA", "ZN"} & chain.ligands.keys() else "other"
