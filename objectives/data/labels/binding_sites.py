"""Labels of binding residues: 1 binds, 0 does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from objectives.data.chain import IGNORED, Chain
from objectives.data.labels.kind import Given, LabelKind
from objectives.data.labels.residue_cells import read_labels
from sweep.errors import fault

_OFTEN = 0.5  # share of binding residues above which labels may be inverted; usual: a few per cent


class BindingSites(LabelKind):
    """One 0 or 1 per residue, given as labels or as positions of the sites of a ligand."""

    takes_sites = True
    unknown: ClassVar[Any] = IGNORED
    absent: ClassVar[Any] = 0
    tiers = (("labels", "positions"), ("label", "target", "targets"))
    form = "'labels' (one 0 or 1 per residue) and 'positions' (1-based)"

    def read(self, cell: object, sequence: str, where: str) -> tuple[int, ...]:
        """One 0, 1 or ``IGNORED`` per residue; see ``read_labels``."""
        return read_labels(cell, sequence, where)

    def sites(self, labels: tuple[Any, ...]) -> tuple[int, ...]:
        """0-based positions of the residues labelled 1."""
        return tuple(index for index, label in enumerate(labels) if label == 1)

    def unite(self, group: Sequence[Chain]) -> tuple[int, ...]:
        """A residue binds if any record says so, and is unknown only if it is in all."""
        # IGNORED < 0 < 1: the maximum prefers known to unknown, and binding to not binding.
        united: list[int] = np.max([chain.labels for chain in group], axis=0).tolist()
        return tuple(united)

    def faults(self, given: Given, source: str) -> list[str]:
        """An error for a split without binding residues: every prediction scores the same."""
        way_out = "Check the label column, or raise the cap on chains"
        rule = "hold binding residues"
        return [
            fault(name, rule, f"{len(chains)} chains without one", where=source, way_out=way_out)
            for name, chains in given.items()
            if name != "test" and not any(1 in chain.labels for chain in chains)
        ]

    def notes(self, given: Given) -> list[str]:
        """A note if most residues of a split are labelled as binding."""
        shares = {}
        for name, chains in given.items():
            positives = sum(chain.labels.count(1) for chain in chains)
            known = positives + sum(chain.labels.count(0) for chain in chains)
            if positives > _OFTEN * known:
                shares[name] = f"{positives / known:.0%} in {name}"
        if not shares:
            return []
        listing = ", ".join(shares.values())
        return [
            f"most residues with a known label bind ({listing}): check that labels are not inverted"
        ]

    def facts(self, given: Given) -> dict[str, Any]:
        """Empty: the classes are known beforehand."""
        del given
        return {}

    def encode(self, chains: Sequence[Chain], facts: Mapping[str, Any]) -> NDArray[np.int8]:
        """The labels of all residues, shape (residues,)."""
        del facts
        labels = (np.array(chain.labels, dtype=np.int8) for chain in chains)
        return np.concatenate(list(labels))

    def counts(self, chains: Sequence[Chain]) -> dict[str, Any]:
        """Empty: ``SplitSummary`` counts binding residues for all data."""
        del chains
        return {}


BINDING = BindingSites()
"""The kind of the embedded data set, and of data sets of which nothing else is said."""
