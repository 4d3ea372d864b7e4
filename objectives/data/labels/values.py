"""Labels that are numbers: one per residue, or one per sequence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from objectives.data.chain import Chain
from objectives.data.errors import listed, shown
from objectives.data.labels.kind import Given, LabelKind
from objectives.data.labels.residue_cells import items_of
from objectives.data.protein import is_missing
from sweep.errors import DataError, fault

_NEAR = 4  # residues on both sides that the embedded data's values look at


class Values(LabelKind):
    """Numbers, standardised by mean and standard deviation of the training split."""

    contradicts = False

    def faults(self, given: Given, source: str) -> list[str]:
        """An error for a split without two different numbers: nothing can be ranked."""
        rule, way_out = "hold at least two different numbers", "Check the label column"
        return [
            fault(
                name,
                rule,
                shown(float(found[0])) if len(found) else "none",
                where=source,
                way_out=way_out,
            )
            for name, chains in given.items()
            if name != "test" and len(found := np.unique(known_values(chains))) < 2
        ]

    def facts(self, given: Given) -> dict[str, Any]:
        """``mean`` and ``sd`` of the training split."""
        values = known_values(given["train"])
        return {"mean": float(values.mean()), "sd": float(values.std())}

    def counts(self, chains: Sequence[Chain]) -> dict[str, Any]:
        """``values``, ``mean``, ``min`` and ``max`` of a split."""
        values = known_values(chains)
        if not len(values):
            return {"values": 0}
        ends = {"min": float(values.min()), "max": float(values.max())}
        return {"values": len(values), "mean": float(values.mean()), **ends}


class ResidueValues(Values):
    """One number per residue."""

    tiers = (("labels", "values"), ("label", "target", "targets", "value"))
    form = "'labels' and 'values' (one number per residue)"

    def read(self, cell: object, sequence: str, where: str) -> tuple[float | None, ...]:
        """One number per residue from a list; None for ``nan``, ``?`` and null."""
        items = items_of("labels", cell, where)
        if items is None:
            raise DataError(fault("labels", "be a list of numbers", shown(cell), where=where))
        faults = []
        if len(items) != len(sequence):
            rule = f"be one per residue ({len(sequence)})"
            faults.append(fault("labels", rule, len(items), where=where))
        numbers = [_number(item) for item in items]
        odd = [item for item, number in zip(items, numbers, strict=True) if number is math.inf]
        if odd:
            text = fault("labels", "be finite numbers", listed(map(shown, odd)), where=where)
            faults.append(text)
        if faults:
            raise DataError(faults)
        return tuple(numbers)

    def of_ligands(self, chain: Chain) -> Chain:
        """The share of binding residues within four positions, for the embedded data."""
        marks = np.array(chain.labels, dtype=float)
        window = np.ones(2 * _NEAR + 1)
        near = np.convolve(marks, window, "same") / np.convolve(np.ones_like(marks), window, "same")
        return replace(chain, labels=tuple(near.tolist()))

    def unite(self, group: Sequence[Chain]) -> tuple[float | None, ...]:
        """The mean of the records that give a number."""
        columns = zip(*(chain.labels for chain in group), strict=True)
        return tuple(_mean(column) for column in columns)

    def encode(self, chains: Sequence[Chain], facts: Mapping[str, Any]) -> NDArray[np.float32]:
        """The numbers of all residues, shape (residues,); NaN where unknown."""
        del facts
        labels = (np.array(chain.labels, dtype=np.float32) for chain in chains)
        return np.concatenate(list(labels))


class SequenceValues(Values):
    """One number per sequence."""

    per_residue = False
    tiers = (("label", "labels", "target", "targets", "value", "values"),)
    form = "'label', 'target' and 'value' (one number per sequence)"

    def read(self, cell: object, sequence: str, where: str) -> tuple[float, ...] | None:
        """A finite number; None for a missing one."""
        del sequence
        odd = isinstance(cell, (list, tuple, dict, bool))
        number = None if cell is None else math.inf if odd else _number(str(cell))
        if number is math.inf:
            raise DataError(fault("label", "be a finite number", shown(cell), where=where))
        return None if number is None else (number,)

    def of_ligands(self, chain: Chain) -> Chain:
        """The number of binding residues, for the embedded data."""
        return replace(chain, labels=(float(chain.labels.count(1)),))

    def unite(self, group: Sequence[Chain]) -> tuple[float | None, ...]:
        """The mean of the records."""
        return (_mean([chain.labels[0] for chain in group]),)

    def encode(self, chains: Sequence[Chain], facts: Mapping[str, Any]) -> NDArray[np.float32]:
        """The number of each sequence, shape (chains, 1)."""
        del facts
        return np.array([chain.labels for chain in chains], dtype=np.float32)


def known_values(chains: Sequence[Chain]) -> NDArray[np.float64]:
    """All numbers of a split without the unknown ones."""
    every = (value for chain in chains for value in chain.labels if value is not None)
    return np.fromiter(every, dtype=np.float64)


def _number(item: str) -> float | None:
    """A number; None if it is missing, infinity if it is none or not finite."""
    text = item.strip()
    if text == "?" or not text or is_missing(text):
        return None
    try:
        number = float(text)
    except ValueError:
        return math.inf
    return number if math.isfinite(number) else math.inf


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
